package fault

// Nearest returns the name that a typing error most likely meant: the name with
// the smallest edit distance, if that is at most a third of the letters and one more. It
// returns "" if no name is near.
func Nearest(word string, names []string) string {
	best, distance := "", len(word)/3+1
	for _, n := range names {
		if d := edits(word, n); d <= distance && d < max(len(word), len(n)) {
			best, distance = n, d-1
		}
	}
	return best
}

// edits returns the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
