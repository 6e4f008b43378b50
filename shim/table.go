package shim

import (
	"io"
	"strings"
	"text/tabwriter"
)

// table is rows of cells in columns, two spaces apart; what ends a row widens
// nothing.
type table []row

type row struct {
	cells []string
	below string // whole lines under it, in no column
}

func (t *table) row(cells ...string) { *t = append(*t, row{cells: cells}) }

// below adds lines under the last row.
func (t *table) below(lines string) { (*t)[len(*t)-1].below += lines }

// write writes the table a cell at a time, so that each can get its colour.
func (t table) write(w io.Writer) error {
	oneCell := strings.NewReplacer("\t", " ", "\v", " ", "\f", " ", "\n", " ") // what a tabwriter obeys, as it does a byte 0xff
	columns := tabwriter.NewWriter(&cellWriter{w, t}, 0, 0, 2, ' ', 0)
	for _, r := range t {
		for i, cell := range r.cells {
			end := "\t"
			if i+1 == len(r.cells) {
				end = "\n"
			}
			if _, err := io.WriteString(columns, oneCell.Replace(strings.ToValidUTF8(cell, "\ufffd"))+end); err != nil {
				return err
			}
		}
	}
	return columns.Flush()
}

// cellWriter gets what a tabwriter writes: a cell, the space after it, or the
// end of a row. The lines below a row follow it.
type cellWriter struct {
	w    io.Writer
	rows []row // that are not written yet
}

func (c *cellWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if err == nil && string(b) == "\n" {
		_, err = io.WriteString(c.w, c.rows[0].below)
		c.rows = c.rows[1:]
	}
	return n, err
}
