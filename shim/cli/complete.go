package cli

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/config"
)

// The first line of an answer says how a shell goes on. "program N": word N and those
// after it are another program's command line.
const (
	onlyWords = "words"
	andFiles  = "files"
	andDirs   = "dirs"
)

// answer is what may follow at the cursor.
type answer struct {
	how    string
	offers []Offer
}

// Offer is a word that may be typed, with some words of help.
type Offer struct{ Word, Help string }

// Lookup finds the values of an option or an argument, of a kind such as "model",
// "key", "profile" or "family". word is the part that is typed; flags are the
// options before it.
type Lookup func(kind, word string, flags config.Flags) []Offer

// Complete answers `__complete SHELL WORD…`. The last word is the one that is being
// typed. The answer is a line that says how to go on, then a line for each offer, with a
// tab and some words of help. It says nothing of errors: the user who presses Tab has
// not asked for them.
func Complete(args []string, g Grammar, lookup Lookup, out io.Writer) error {
	if len(args) == 0 {
		return nil
	}
	words := args[1:]
	if len(words) == 0 {
		words = []string{""}
	}
	k, err := newKong(g, newGrammar(g.Settings))
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	t := typed{node: k.Model.Node, flags: config.Flags{}, table: g.Settings, lookup: lookup}
	a := t.read(asTyped(args[0], words))
	var text strings.Builder
	text.WriteString(a.how + "\n")
	for _, o := range a.offers {
		raw := args[0] == "bash" && a.how == onlyWords // bash puts these into the line as they are
		if printable(o.Word) && (!raw || fault.Quote(o.Word) == o.Word) {
			text.WriteString(o.Word + "\t" + o.Help + "\n")
		}
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// asTyped are the words without the marks that a shell's script leaves on them.
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

// unquote is a word as bash would pass it on, without expanding anything. A quote that
// is still open ends with the word.
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
	node   *kong.Node   // the command, or the whole
	flags  config.Flags // options with a value, by the option's name
	plain  int          // words that are neither options nor commands
	table  config.Table
	lookup Lookup
}

// read goes through the words, and answers for the last one.
func (t *typed) read(words []string) answer {
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
				return t.value(flag.Value, "", strings.TrimPrefix(words[last], "="))
			}
			t.flags[flag.Name] = words[i]
		case starts && config.IsProgram(word):
			return answer{how: "program " + strconv.Itoa(i+1)}
		default:
			if child := t.command(word); child != nil {
				t.node = child
				continue
			}
			t.plain++
		}
	}
	return t.offer(words[last])
}

// option is the option of a word; nil it is none. whole: the word holds its value, or
// it takes none.
func (t *typed) option(word string) (flag *kong.Flag, whole bool) {
	name, value, whole := strings.Cut(word, "=")
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if name == "--"+f.Name {
				whole = whole || f.IsBool()
				if whole && value != "" {
					t.flags[f.Name] = value
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
						t.flags[f.Name] = strings.TrimPrefix(rest, "=")
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

// offer answers where no option waits for its value.
func (t *typed) offer(word string) answer {
	a := answer{how: onlyWords}
	switch {
	case strings.HasPrefix(word, "--") && strings.Contains(word, "="):
		name, value, _ := strings.Cut(word, "=")
		if flag, _ := t.option(name); flag != nil {
			return t.value(flag.Value, name+"=", value)
		}
	case strings.HasPrefix(word, "-"):
		for _, group := range t.node.AllFlags(true) {
			for _, f := range group {
				a.offers = append(a.offers, Offer{"--" + f.Name, f.Help})
			}
		}
	case len(t.node.Children) > 0 && t.plain == 0:
		for _, child := range t.node.Children {
			if !child.Hidden {
				a.offers = append(a.offers, Offer{child.Name, child.Help})
			}
		}
		if t.node.Parent == nil {
			a.offers = append(a.offers, Offer{"python", "Start python or a script in the environment."})
		}
	case t.plain < len(t.node.Positional) && t.node.Name != "run":
		return t.value(t.node.Positional[t.plain], "", word)
	}
	a.offers = Beginning(word, "", a.offers)
	if len(a.offers) == 0 && (t.node.Parent == nil || t.node.Name == "run") {
		a.how = andFiles // a script
	}
	return a
}

// value answers for an option's or an argument's value. before is put before each
// offer: "--env=".
func (t *typed) value(v *kong.Value, before, word string) answer {
	a := answer{how: onlyWords}
	kind := v.Name
	if v.Flag != nil && (v.Flag.PlaceHolder == "FILE" || v.Flag.PlaceHolder == "DIR") {
		kind = v.Flag.PlaceHolder
	}
	switch kind {
	case "FILE":
		a.how = andFiles
	case "DIR":
		a.how = andDirs
	case "model":
		a.how, a.offers = andFiles, t.lookup(kind, word, t.flags)
	case "env", "key":
		a.offers = t.lookup("key", word, t.flags)
	case "profile", "family":
		a.offers = t.lookup(kind, word, t.flags)
	default:
		setting, _ := t.table.Flag(v.Name)
		choices := setting.Allowed
		if v.Enum != "" {
			choices = strings.Split(v.Enum, ",")
		}
		for _, c := range choices {
			a.offers = append(a.offers, Offer{Word: c})
		}
	}
	a.offers = Beginning(word, before, a.offers)
	return a
}

// Beginning are the offers that begin with word, each once, with before put before
// them.
func Beginning(word, before string, all []Offer) []Offer {
	var out []Offer
	for _, o := range all {
		if strings.HasPrefix(o.Word, word) && !slices.ContainsFunc(out, func(x Offer) bool { return x.Word == before+o.Word }) {
			out = append(out, Offer{before + o.Word, o.Help})
		}
	}
	return out
}

// printable reports whether a word can be a line of the answer: no control
// characters, and nothing that turns the direction of writing.
func printable(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}
