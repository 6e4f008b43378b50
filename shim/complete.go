package shim

import (
	"io"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/resolve/fault"
)

// completeWord is the hidden first word with which the completion scripts ask.
const completeWord = "__complete"

// How a shell goes on after our answer, its first line. "program N": word N and
// those after it are another program's command line.
const (
	onlyWords = "words"
	andFiles  = "files"
	andDirs   = "dirs"
)

// answer is what may stand where the cursor is.
type answer struct {
	how    string
	offers []offer
}

type offer struct{ word, help string }

// complete answers `__complete SHELL WORD…`, where the last word is the one that
// is being typed: a line that says how to go on, then an offer a line, with a tab
// and some words of help. It opens no socket, writes nothing, runs nothing and
// says nothing of errors: who presses Tab has not asked for them.
func (s *session) complete(args []string) error {
	if len(args) == 0 {
		return nil
	}
	words := args[1:]
	if len(words) == 0 {
		words = []string{""}
	}
	k, err := newKong(&cli{})
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	t := typed{node: k.Model.Node, given: map[string]string{}}
	a := t.read(asTyped(args[0], words), s)
	var out strings.Builder
	out.WriteString(a.how + "\n")
	for _, o := range a.offers {
		raw := args[0] == "bash" && a.how == onlyWords // it puts these into the line as they are
		if visible(o.word) == o.word && !strings.ContainsAny(o.word, "\t\n") && (!raw || fault.Quote(o.word) == o.word) {
			out.WriteString(o.word + "\t" + o.help + "\n")
		}
	}
	_, err = io.WriteString(s.inv.Stdout, out.String())
	return err
}

// asTyped are the words without what a shell's script leaves on them.
func asTyped(shell string, words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		switch shell {
		case "bash":
			out[i] = unquote(w)
		case "powershell": // see modelrun.ps1
			out[i] = strings.TrimPrefix(w, "=")
		default:
			out[i] = w
		}
	}
	return out
}

// unquote is a word as bash would pass it on, without expanding anything; a
// quote that is still open ends with the word.
func unquote(word string) string {
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '\\' && i+1 < len(word) && (quote == 0 || quote == '"' && strings.IndexByte("$`\"\\\n", word[i+1]) >= 0):
			i++
			out.WriteByte(word[i])
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// typed is a command line as far as it was typed.
type typed struct {
	node  *kong.Node        // the command, or the whole
	given map[string]string // options with a value
	plain int               // words that are neither options nor commands
}

// read goes through the words, and answers for the last one.
func (t *typed) read(words []string, s *session) answer {
	last := len(words) - 1
	for i := 0; i < last; i++ {
		word := words[i]
		starts := t.node.Parent == nil || t.node.Name == "run" // a program
		switch {
		case word == "--" && starts:
			return answer{how: "program " + strconv.Itoa(i+2)} // counted with modelrun itself
		case strings.HasPrefix(word, "-") && len(word) > 1:
			flag, whole := t.option(word)
			if flag == nil || whole {
				continue
			}
			i++
			if i < last && words[i] == "=" { // bash ends words there
				i++
			}
			if i >= last {
				return t.value(flag.Value, "", strings.TrimPrefix(words[last], "="), s)
			}
			t.given[flag.Name] = words[i]
		case starts && isProgram(word):
			return answer{how: "program " + strconv.Itoa(i+1)}
		default:
			if child := t.command(word); child != nil {
				t.node = child
				continue
			}
			t.plain++
		}
	}
	return t.offer(words[last], s)
}

// option is the option that a word is. whole: its value is in the word, or it
// has none.
func (t *typed) option(word string) (flag *kong.Flag, whole bool) {
	name, value, whole := strings.Cut(word, "=")
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if name == "--"+f.Name {
				whole = whole || f.IsBool()
				if whole && value != "" {
					t.given[f.Name] = value
				}
				return f, whole
			}
		}
	}
	if strings.HasPrefix(word, "--") {
		return nil, true
	}
	for i, letter := range word[1:] { // a cluster, such as -qm
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				if f.Short == letter && !f.IsBool() {
					rest := word[1+i+1:]
					if rest != "" {
						t.given[f.Name] = strings.TrimPrefix(rest, "=")
					}
					return f, rest != ""
				}
			}
		}
	}
	return nil, true
}

func (t *typed) command(word string) *kong.Node {
	for _, child := range t.node.Children {
		if child.Name == word {
			return child
		}
	}
	return nil
}

// offer is what may be typed where no option waits for its value.
func (t *typed) offer(word string, s *session) answer {
	a := answer{how: onlyWords}
	switch {
	case strings.HasPrefix(word, "--") && strings.Contains(word, "="):
		name, value, _ := strings.Cut(word, "=")
		if flag, _ := t.option(name); flag != nil {
			return t.value(flag.Value, name+"=", value, s)
		}
	case strings.HasPrefix(word, "-"):
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				a.offers = append(a.offers, offer{"--" + f.Name, f.Help})
			}
		}
	case len(t.node.Children) > 0 && t.plain == 0:
		for _, child := range t.node.Children {
			if !child.Hidden {
				a.offers = append(a.offers, offer{child.Name, child.Help})
			}
		}
		if t.node.Parent == nil {
			a.offers = append(a.offers, offer{"python", "Start python or a script in the environment."})
		}
	case t.plain < len(t.node.Positional) && t.node.Name != "run":
		return t.value(t.node.Positional[t.plain], "", word, s)
	}
	a.offers = beginning(word, "", a.offers)
	if len(a.offers) == 0 && (t.node.Parent == nil || t.node.Name == "run") {
		a.how = andFiles // a script
	}
	return a
}
