package shim

import (
	"cmp"
	"sort"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// configDoc is `config --json`.
type configDoc struct {
	Schema   int          `json:"schema"`
	Settings []settingDoc `json:"settings"`
}

type settingDoc struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// config shows each value and where it came from.
func (s *session) config() error {
	doc := configDoc{Schema: schema}
	for i, one := range s.set.one {
		doc.Settings = append(doc.Settings, settingDoc{specs[i].name, strings.TrimSpace(one.value), one.from})
	}
	if !s.set.isSet(sRoot) {
		doc.Settings[sRoot] = settingDoc{specs[sRoot].name, string(s.root), s.rootFrom}
	}
	var more []settingDoc
	for name, one := range s.set.env {
		more = append(more, settingDoc{"env." + name, secret(name, one.value), one.from})
	}
	for key, own := range s.set.envs {
		more = append(more, settingDoc{"envs." + key, strings.Join(own.Packages, " "), own.from})
	}
	sort.Slice(more, func(i, j int) bool { return more[i].Name < more[j].Name })
	doc.Settings = append(doc.Settings, more...)
	if s.cli.Config.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	var t table
	t.row("SETTING", "VALUE", "ORIGIN")
	for _, d := range doc.Settings {
		t.row(d.Name, strings.ReplaceAll(cmp.Or(fault.Mask(d.Value), "-"), "\n", " "), d.Origin)
	}
	return t.write(mask{s.inv.Stdout})
}

// secret hides the value of a variable whose name says that it is one.
func secret(name, value string) string {
	up := strings.ToUpper(name)
	for _, word := range []string{"TOKEN", "SECRET", "PASS", "KEY", "CRED", "AUTH"} {
		if strings.Contains(up, word) {
			return "***"
		}
	}
	return value
}
