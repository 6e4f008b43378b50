package need

import (
	"cmp"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// A name is what is left of a model whose files are not here: the id of a hub model that
// is not cached, or the base of an adapter. It proves nothing, but it is often right, so
// what it says is used and said. Words in it are those of the tables of kinds and of
// methods of quantisation.

// hasWord reports whether a name in small letters has a word with no other letters
// around it.
func hasWord(name, word string) bool {
	i := strings.Index(name, word)
	return i >= 0 && !isLetter(name, i-1) && !isLetter(name, i+len(word))
}

// isLetter reports whether a text in small letters has a letter at i.
func isLetter(text string, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= 'a' && text[i] <= 'z'
}

// kindsOfName returns the kinds that a name says, in the order of the table.
func kindsOfName(name string) (found []*Kind) {
	name = strings.ToLower(name)
	for i := range kinds {
		if slices.ContainsFunc(kinds[i].names, func(word string) bool { return hasWord(name, word) }) {
			found = append(found, &kinds[i])
		}
	}
	return found
}

// fromName decides by the name of a hub model that is not cached.
func (m *Model) fromName(p Places) error {
	absent := "model " + m.Hub + " is not in the local Hugging Face cache"
	k, says := kindNamed(kindTransformers), ""
	if found := kindsOfName(m.Hub); p.Family == "" && len(found) > 0 {
		if i := slices.IndexFunc(found, func(other *Kind) bool { return other.format != found[0].format }); i > 0 {
			return fault.New(fault.BadModel, "%s, and its name says %s and %s", absent, found[0].Name, found[i].Name).
				Fix("say which: --family %s or --family %s", found[0].Family, found[i].Family)
		}
		k, says = found[0], ", by its name"
		m.prove("", "name", m.Hub)
		m.is(k, p)
	}
	m.Family = cmp.Or(p.Family, k.Family)
	if k.format == torchFormat {
		m.isQuantised(quantOfID(m.Hub))
	}
	if m.Quant != "" {
		says = " with " + m.Quant + ", by its name"
	}
	if p.Family == "" {
		m.note(absent + ": it counts as " + k.Name + says)
	}
	return nil
}

// quantOfID returns what the id of a hub model says of quantisation. Of a path, which is
// often one of another machine, its last part counts.
func quantOfID(name string) trace {
	if !isHubID(name) {
		name = name[strings.LastIndexAny(name, `/\`)+1:]
	}
	return trace{quantOfName(name), Evidence{"", "name", name}}
}
