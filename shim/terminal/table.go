package terminal

import (
	"io"
	"strings"
	"text/tabwriter"
)

// Table holds rows of cells in columns, two spaces apart. The last cell of a row
// does not widen its column.
type Table []row

type row struct {
	cells []string
	below string // whole lines below the row, not in columns
}

// Row adds a row.
func (t *Table) Row(cells ...string) { *t = append(*t, row{cells: cells}) }

// Below adds lines below the last row.
func (t *Table) Below(lines string) { (*t)[len(*t)-1].below += lines }

// Write writes the table. Each cell is one Write, so that it can be coloured.
func (t Table) Write(w io.Writer) error {
	oneCell := strings.NewReplacer("\t", " ", "\v", " ", "\f", " ", "\n", " ") // tabwriter interprets these, and a byte 0xff
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

// cellWriter receives the output of a tabwriter: a cell, the space after it, or the
// end of a row. It adds the lines below each row.
type cellWriter struct {
	w    io.Writer
	rows []row // the rows that are still to be written
}

// Write writes one part of the output.
func (c *cellWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if err == nil && string(b) == "\n" {
		_, err = io.WriteString(c.w, c.rows[0].below)
		c.rows = c.rows[1:]
	}
	return n, err
}
