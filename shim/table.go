package shim

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table is rows of cells in columns, two spaces apart and each as wide as its
// widest cell; what ends a row widens nothing. text/tabwriter is not used: it
// hides from [paint] which cell it writes, and is 12 KB of the program.
type table []row

type row struct {
	cells []string
	below string // whole lines under it, in no column
}

func (t *table) row(cells ...string) { *t = append(*t, row{cells: cells}) }

// below adds lines under the last row.
func (t *table) below(lines string) { (*t)[len(*t)-1].below += lines }

// write writes a cell at a time, so that it can get its colour.
func (t *table) write(w io.Writer) error {
	var widths []int
	for _, r := range *t {
		for i, cell := range r.cells[:len(r.cells)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range *t {
		for i, cell := range r.cells {
			end := "\n" + r.below
			if i+1 < len(r.cells) {
				end = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
			}
			for _, text := range [...]string{cell, end} {
				if _, err := io.WriteString(w, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
