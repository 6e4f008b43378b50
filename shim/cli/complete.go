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

// The first line of an answer says how a shell continues. "program N" means that
// word N and the words after it are another program's command line.
const (
	onlyWords = "words"
	andFiles  = "files"
	andDirs   = "dirs"
)

// answer holds the possible continuations at the cursor.
type answer struct {
	how    string
	offers []Offer
}

// Offer is one word that completion offers, with a short help text.
type Offer struct{ Word, Help string }

// Lookup finds the values of an option or an argument of a kind such as "model",
// "key", "profile" or "family". word is the part that is already typed. flags are
// the options before it.
type Lookup func(kind, word string, flags config.Flags) []Offer

// Complete answers `__complete SHELL WORD…`. The last word is the one being typed.
// The answer begins with a line that says how to continue. Each offer follows on
// its own line: the word, a tab, a short help text. Complete reports no errors,
// because pressing Tab should not print them.
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
		raw := args[0] == "bash" && a.how == onlyWords // bash inserts these into the line unquoted
		if printable(o.Word) && (!raw || fault.Quote(o.Word) == o.Word) {
			text.WriteString(o.Word + "\t" + o.Help + "\n")
		}
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// asTyped returns the words without the marks that a shell's completion script adds
// to them.
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

// unquote returns a word as bash would pass it on, but expands nothing. An unclosed
// quote ends with the word.
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

// typed is a command line up to the cursor.
type typed struct {
	node   *kong.Node   // the current command, or the root of the grammar
	flags  config.Flags // options with a value, by name
	plain  int          // the number of words that are neither options nor commands
	table  config.Table
	lookup Lookup
}

// read goes through the words, and answers for the last one.
func (t *typed) read(words []string) answer {
	last := len(words) - 1
	for i := 0; i < last; i++ {
		word := words[i]
		starts := t.node.Parent == nil || t.node.Name == "run" // a program may follow
		switch {
		case word == "--" && starts:
			return answer{how: "program " + strconv.Itoa(i+2)} // the count includes modelrun itself
		case strings.HasPrefix(word, "-") && len(word) > 1:
			flag, whole := t.option(word)
			if flag == nil || whole {
				continue
			}
			i++
			if i < last && words[i] == "=" { // bash splits words there
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

// option returns the option that a word names, or nil. whole reports whether the
// word holds the option's value, or the option takes none.
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

// offer answers where no option is waiting for its value.
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

// value answers for the value of an option or an argument. before goes in front of
// each offer, as in "--env=".
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

// Beginning returns the offers that begin with word, without duplicates and with
// before in front of each.
func Beginning(word, before string, all []Offer) []Offer {
	var out []Offer
	for _, o := range all {
		if strings.HasPrefix(o.Word, word) && !slices.ContainsFunc(out, func(x Offer) bool { return x.Word == before+o.Word }) {
			out = append(out, Offer{before + o.Word, o.Help})
		}
	}
	return out
}

// printable reports whether a word can be printed as a line of the answer: it has
// no control characters and nothing that changes the direction of writing.
func printable(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}
