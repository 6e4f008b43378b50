package cli_test

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
)

// TestManPage checks docs/modelrun.1. The test generates the page from the data
// that --help uses. A separate program to generate it would be one more thing to
// ship.
func TestManPage(t *testing.T) {
	golden(t, "../../docs/modelrun.1", manPage(model(t), config.Settings()))
	for _, lint := range [][]string{
		{"mandoc", "-T", "lint", "-W", "warning", "../../docs/modelrun.1"},
		{"groff", "-man", "-Tutf8", "-ww", "-z", "../../docs/modelrun.1"},
	} {
		t.Run(lint[0], func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("it is for POSIX")
			}
			path := execxtest.Tool(t, lint[0])
			out, _ := exec.CommandContext(t.Context(), path, lint[1:]...).CombinedOutput() // a mere hint also makes it fail
			for line := range strings.Lines(string(out)) {
				if !strings.Contains(line, "missing date") { // the date is that of a release, which is not known here
					t.Errorf("%s: %s", lint[0], line)
				}
			}
		})
	}
}

// roff is a man page under construction.
type roff struct{ strings.Builder }

func (r *roff) line(words ...string) { r.WriteString(strings.Join(words, " ") + "\n") }

// text adds the words of one paragraph. It keeps a line of code as it is.
func (r *roff) text(s string) {
	for i, part := range strings.Split(strings.Trim(s, "\n"), "\n\n") {
		if i > 0 {
			r.line(".PP")
		}
		if !strings.HasPrefix(strings.TrimLeft(part, "\n"), "  ") {
			r.line(escaped(part))
			continue
		}
		r.line(".nf")
		r.line(escaped(part))
		r.line(".fi")
	}
}

// escaped returns s such that roff takes no line of it for a request.
func escaped(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "'", `\(aq`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func (r *roff) flags(list []*kong.Flag) {
	for _, f := range list {
		name := `\fB` + escaped("--"+f.Name) + `\fP`
		if f.Short != 0 {
			name = `\fB` + escaped("-"+string(f.Short)) + `\fP, ` + name
		}
		if !f.IsBool() {
			name += `=\fI` + escaped(f.FormatPlaceHolder()) + `\fP`
		}
		r.line(".TP")
		r.line(name)
		r.line(escaped(f.Help))
	}
}

func manPage(app *kong.Node, t config.Table) string {
	r := &roff{}
	r.line(`.\" Made by UPDATE_SCRIPTS=1 go test -run TestManPage ./shim/cli; do not edit.`)
	r.line(`.TH MODELRUN 1 "" modelrun "User Commands"`)
	r.line(".SH NAME")
	title, rest, _ := strings.Cut(cli.Description, "\n")
	r.line(`modelrun \- ` + escaped(strings.ToLower(title[:1])+strings.TrimSuffix(title[1:], ".")))
	r.line(".SH SYNOPSIS")
	for i, l := range strings.Split(strings.TrimSpace(cli.UsageLines), "\n") {
		if i > 0 {
			r.line(".br")
		}
		r.line(`.B`, escaped(strings.TrimSpace(strings.TrimPrefix(l, "Usage:"))))
	}
	r.line(".SH DESCRIPTION")
	r.text(rest)
	r.line(".SH OPTIONS")
	var groups []string
	byGroup := map[string][]*kong.Flag{}
	for _, f := range app.Flags {
		name := ""
		if f.Group != nil {
			name = strings.TrimSuffix(f.Group.Key, ":")
		}
		if byGroup[name] == nil {
			groups = append(groups, name)
		}
		byGroup[name] = append(byGroup[name], f)
	}
	for _, g := range groups {
		if g != "" {
			r.line(".SS", escaped(g))
		}
		r.flags(byGroup[g])
	}
	r.line(".SH COMMANDS")
	commands(app, func(n *kong.Node) {
		r.line(".SS", escaped("modelrun "+n.Path()))
		r.text(n.Help)
		if n.Detail != "" {
			r.line(".PP")
			r.text(n.Detail)
		}
		for _, p := range n.Positional {
			r.line(".TP")
			r.line(`\fI` + escaped(p.Summary()) + `\fP`)
			r.line(escaped(p.Help))
		}
		r.flags(n.Flags)
	})
	r.line(".SH EXIT STATUS")
	_, codes, _ := strings.Cut(cli.ExitCodes, "\n")
	r.line(".nf")
	r.line(escaped(strings.TrimRight(codes, "\n")))
	r.line(".fi")
	r.line(".SH ENVIRONMENT")
	r.line(escaped("Each setting has a variable; an option is stronger, a config file weaker. modelrun config shows all."))
	for _, one := range t {
		if one.Variable != "" {
			r.line(".TP")
			r.line(`\fB` + escaped(one.Variable) + `\fP`)
			value := ""
			if one.Default != "" {
				value = ", " + one.Default + " when nothing says more"
			}
			r.line(escaped(one.Name + value))
		}
	}
	r.line(".TP")
	r.line(`\fBNO_COLOR\fP, \fBCLICOLOR_FORCE\fP, \fBFORCE_COLOR\fP`)
	r.line(escaped("No colours; colours also where there is no terminal."))
	r.line(".SH FILES")
	for _, f := range [][2]string{
		{"modelrun.toml", "of a project, looked for upward of the working directory, then of the script"},
		{"~/.config/modelrun/config.toml", "the user's own"},
		{"/etc/modelrun/config.toml", "the machine's"},
	} {
		r.line(".TP")
		r.line(`\fI` + escaped(f[0]) + `\fP`)
		r.line(escaped(f[1]))
	}
	r.line(".SH DIAGNOSTICS")
	r.text(cli.Diagnostics)
	return r.String()
}
