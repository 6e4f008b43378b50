package cli

import "github.com/alecthomas/kong"

// The parts that the man page is made from.
const (
	Description = description
	UsageLines  = usageLines
	ExitCodes   = exitCodes
	Diagnostics = diagnostics
)

// SplitPlain exports splitPlain.
func SplitPlain(args []string) (Line, bool) { return splitPlain(args) }

// Model returns kong's model of a grammar.
func Model(g Grammar) (*kong.Node, error) {
	k, err := newKong(g, newGrammar(g.Settings))
	if err != nil {
		return nil, err
	}
	return k.Model.Node, nil
}
