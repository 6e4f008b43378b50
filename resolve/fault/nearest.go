package fault

// Nearest is the name that a typing error most likely meant: at most a third of its
// letters are wrong. "" none is near.
func Nearest(word string, names []string) string {
	best, limit := "", len(word)/3+1
	for _, n := range names {
		if d := distance(word, n); d <= limit && d < max(len(word), len(n)) {
			best, limit = n, d-1
		}
	}
	return best
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
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
