package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is the content of a config file, or of [tool.modelrun] in a script.
type document struct {
	settings []string // in the order of the table; "" if not given
	env      map[string]string
	envs     map[string]OwnEnv
}

// script is the content of a PEP 723 block.
type script struct {
	dependencies   []string
	requiresPython string
	document       document
}

// readDocument decodes a config file. Its errors have the file, the line and a
// hint.
//
// A valid file is decoded into maps, which takes 2 µs. Any other file is decoded
// once more into a struct, because the library then reports which line is wrong.
// That struct type is made from the table at run time, in 35 µs (measured). A fixed
// struct type would take 2 µs, but then a setting would need more than its row.
func readDocument(data []byte, t Table, path string) (document, error) {
	var m map[string]any
	var doc document
	ok := toml.Unmarshal(data, &m) == nil
	if ok {
		if doc, ok = fromMap(m, t); ok && !doc.faulty() {
			return doc, nil
		}
	}
	v := reflect.New(documentType(t))
	if err := DecodeStrict(data, v.Interface(), path, Strict{Known: t.names()}); err != nil {
		return doc.blame(err, ok)
	}
	return fromStruct(v.Elem(), t), nil
}

// errFaulty marks an entry of [envs] whose keys or types are wrong.
var errFaulty = errors.New("it cannot be read")

// faulty reports whether an entry of [envs] is marked.
func (d document) faulty() bool {
	for _, own := range d.envs {
		if own.Err != nil {
			return true
		}
	}
	return false
}

// blame returns the document with err for its marked entries. It returns err if the
// fault is elsewhere.
func (d document) blame(err error, envsOnly bool) (document, error) {
	if !envsOnly {
		return document{}, err
	}
	for key, own := range d.envs {
		if own.Err != nil {
			own.Err = err
			d.envs[key] = own
		}
	}
	return d, nil
}

// readScript decodes a PEP 723 block. line is added to the line numbers of the
// data.
func readScript(data []byte, t Table, path string, line int) (script, error) {
	var m map[string]any
	var s script
	ok := toml.Unmarshal(data, &m) == nil
	if ok {
		if s, ok = scriptFromMap(m, t); ok && !s.document.faulty() {
			return s, nil
		}
	}
	v := reflect.New(scriptType(t))
	if err := DecodeStrict(data, v.Interface(), path, Strict{Known: t.names(), Prefix: "tool.modelrun.", Line: line}); err != nil {
		s.document, err = s.document.blame(err, ok)
		return s, err
	}
	dependencies, _ := v.Elem().Field(0).Interface().([]string)
	return script{dependencies, v.Elem().Field(1).String(), fromStruct(v.Elem().Field(2).Field(0), t)}, nil
}

// fromMap makes a document from maps. ok is false if a key is unknown or a value
// has another type.
func fromMap(m map[string]any, t Table) (doc document, ok bool) {
	doc.settings = make([]string, len(t))
	for key, value := range m {
		switch table, nested := value.(map[string]any); {
		case key == "env" && nested:
			doc.env, ok = stringsOf(table)
		case key == "envs" && nested:
			doc.envs, ok = envsOf(table), true
		case nested:
			ok = true
			for name, value := range table {
				ok = ok && doc.set(t, key+"."+name, value)
			}
			ok = ok && slices.ContainsFunc(t, func(s Setting) bool { return strings.HasPrefix(s.Name, key+".") })
		default:
			ok = !strings.Contains(key, ".") && doc.set(t, key, value) // "index.default" in quotes is another key
		}
		if !ok {
			return document{}, false
		}
	}
	return doc, true
}

// set stores one value. It returns false if the table has no such setting, or one
// of another kind.
func (d *document) set(t Table, name string, value any) bool {
	i := t.index(name)
	if i < 0 {
		return false
	}
	text, isText := value.(string)
	yes, isBool := value.(bool)
	switch t[i].Kind {
	case Bool:
		d.settings[i] = strconv.FormatBool(yes)
		return isBool
	case List:
		list, ok := listOf(value)
		d.settings[i] = Lines(list)
		return ok
	case Text, Path, Duration, Age:
	}
	d.settings[i] = text
	return isText
}

func listOf(value any) (list []string, ok bool) {
	entries, ok := value.([]any)
	for _, e := range entries {
		text, isText := e.(string)
		list, ok = append(list, text), ok && isText
	}
	return list, ok
}

func stringsOf(m map[string]any) (map[string]string, bool) {
	out := make(map[string]string, len(m))
	for key, value := range m {
		text, ok := value.(string)
		if !ok {
			return nil, false
		}
		out[key] = text
	}
	return out, true
}

// envsOf makes the entries of [envs]. One with an unknown key or a value of another
// type is marked.
func envsOf(m map[string]any) map[string]OwnEnv {
	out := make(map[string]OwnEnv, len(m))
	for key, value := range m {
		fields, ok := value.(map[string]any)
		var own OwnEnv
		texts := map[string]*string{"base": &own.Base, "requirements": &own.Requirements, "index": &own.Index, "python": &own.Python}
		lists := map[string]*[]string{"packages": &own.Packages, "build_requires": &own.BuildRequires, "imports": &own.Imports}
		for name, value := range fields {
			text, isText := value.(string)
			list, isList := listOf(value)
			switch {
			case texts[name] != nil:
				*texts[name], ok = text, ok && isText
			case lists[name] != nil:
				*lists[name], ok = list, ok && isList
			default:
				ok = false
			}
		}
		if !ok {
			own.Err = errFaulty
		}
		out[key] = own
	}
	return out
}

// scriptFromMap makes a script from maps. It ignores the tables of other tools. ok
// is false for one of our keys in another case, because the library accepts such a
// key as ours.
func scriptFromMap(m map[string]any, t Table) (s script, ok bool) {
	ok = !hasOtherCase(m, "dependencies", "requires-python", "tool")
	if tool, has := m["tool"].(map[string]any); has && hasOtherCase(tool, "modelrun") {
		ok = false
	}
	if value, has := m["dependencies"]; has && ok {
		s.dependencies, ok = listOf(value)
	}
	if value, has := m["requires-python"]; has && ok {
		s.requiresPython, ok = value.(string)
	}
	if !ok {
		return script{}, false
	}
	tool, isTable := m["tool"].(map[string]any)
	if _, has := m["tool"]; has && !isTable {
		return script{}, false
	}
	ours, isTable := tool["modelrun"].(map[string]any)
	if _, has := tool["modelrun"]; has && !isTable {
		return script{}, false
	}
	s.document, ok = fromMap(ours, t)
	return s, ok
}

// hasOtherCase reports whether a key is one of ours in another case.
func hasOtherCase(m map[string]any, ours ...string) bool {
	for key := range m {
		for _, name := range ours {
			if key != name && strings.EqualFold(key, name) {
				return true
			}
		}
	}
	return false
}

// documentType returns the struct type for all rows. The rows of a table such as
// [index] have a struct of their own:
//
//	struct {
//		S0          *string                                 `toml:"root"`
//		S11         *bool                                   `toml:"offline"`
//		Table_index struct{ S19 *string `toml:"default"` }  `toml:"index"`
//		Env         map[string]string                       `toml:"env"`
//		Envs        map[string]OwnEnv                       `toml:"envs"`
//	}
func documentType(t Table) reflect.Type {
	var fields []reflect.StructField
	tables := map[string][]reflect.StructField{}
	for i := range t {
		field := reflect.StructField{Name: fieldName(i), Type: goType(t[i].Kind)}
		table, key, nested := strings.Cut(t[i].Name, ".")
		if !nested {
			field.Tag = tomlTag(t[i].Name)
			fields = append(fields, field)
			continue
		}
		if tables[table] == nil {
			fields = append(fields, reflect.StructField{Name: tableName(table), Tag: tomlTag(table)})
		}
		field.Tag = tomlTag(key)
		tables[table] = append(tables[table], field)
	}
	for i, f := range fields {
		if f.Type == nil {
			fields[i].Type = reflect.StructOf(tables[f.Tag.Get("toml")])
		}
	}
	return reflect.StructOf(append(fields,
		reflect.StructField{Name: "Env", Type: reflect.TypeFor[map[string]string](), Tag: tomlTag("env")},
		reflect.StructField{Name: "Envs", Type: reflect.TypeFor[map[string]OwnEnv](), Tag: tomlTag("envs")}))
}

// scriptType returns the struct type of a PEP 723 block.
func scriptType(t Table) reflect.Type {
	return reflect.StructOf([]reflect.StructField{
		{Name: "Dependencies", Type: reflect.TypeFor[[]string](), Tag: tomlTag("dependencies")},
		{Name: "RequiresPython", Type: reflect.TypeFor[string](), Tag: tomlTag("requires-python")},
		{Name: "Tool", Tag: tomlTag("tool"), Type: reflect.StructOf([]reflect.StructField{
			{Name: "Modelrun", Type: documentType(t), Tag: tomlTag("modelrun")},
		})},
	})
}

func goType(k Kind) reflect.Type {
	switch k {
	case Bool:
		return reflect.TypeFor[*bool]()
	case List:
		return reflect.TypeFor[[]string]()
	case Text, Path, Duration, Age:
	}
	return reflect.TypeFor[*string]()
}

func fieldName(row int) string { return "S" + strconv.Itoa(row) }

func tableName(table string) string { return "Table_" + table }

func tomlTag(key string) reflect.StructTag { return reflect.StructTag(`toml:"` + key + `"`) }

// fromStruct makes a document from a struct of [documentType].
func fromStruct(v reflect.Value, t Table) document {
	doc := document{settings: make([]string, len(t))}
	for i := range t {
		in := v
		if table, _, nested := strings.Cut(t[i].Name, "."); nested {
			in = in.FieldByName(tableName(table))
		}
		switch value := in.FieldByName(fieldName(i)).Interface().(type) {
		case *string:
			if value != nil {
				doc.settings[i] = *value
			}
		case *bool:
			if value != nil {
				doc.settings[i] = fmt.Sprint(*value)
			}
		case []string:
			doc.settings[i] = Lines(value)
		}
	}
	doc.env, _ = v.FieldByName("Env").Interface().(map[string]string)
	doc.envs, _ = v.FieldByName("Envs").Interface().(map[string]OwnEnv)
	return doc
}
