package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// document is a decoded config file. Its Go type is made from the table, so that a
// new key needs nothing but its row:
//
//	struct {
//		S0    *string                                 `toml:"root"`
//		S11   *bool                                   `toml:"offline"`
//		Index struct{ S19 *string `toml:"default"` }  `toml:"index"`
//		Env   map[string]string                       `toml:"env"`
//		Envs  map[string]OwnEnv                       `toml:"envs"`
//	}
type document struct {
	table Table
	value reflect.Value // of that struct
}

func newDocument(t Table) *document {
	return &document{table: t, value: reflect.New(documentType(t)).Elem()}
}

// target is what to decode into.
func (d *document) target() any { return d.value.Addr().Interface() }

// documentType is the struct of all rows, those of a table such as [index] in a
// struct of their own.
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

func goType(k Kind) reflect.Type {
	switch k {
	case Bool:
		return reflect.TypeFor[*bool]()
	case List:
		return reflect.TypeFor[[]string]()
	case Text, Path, Duration:
	}
	return reflect.TypeFor[*string]()
}

func fieldName(row int) string { return "S" + strconv.Itoa(row) }

func tableName(table string) string { return "Table_" + table }

func tomlTag(key string) reflect.StructTag { return reflect.StructTag(`toml:"` + key + `"`) }

// values are the settings of the file, in the order of the table; "" is not given.
func (d *document) values() []string {
	out := make([]string, len(d.table))
	for i := range d.table {
		in := d.value
		if table, _, nested := strings.Cut(d.table[i].Name, "."); nested {
			in = in.FieldByName(tableName(table))
		}
		switch v := in.FieldByName(fieldName(i)).Interface().(type) {
		case *string:
			if v != nil {
				out[i] = *v
			}
		case *bool:
			if v != nil {
				out[i] = fmt.Sprint(*v)
			}
		case []string:
			out[i] = Lines(v)
		}
	}
	return out
}

func (d *document) env() map[string]string {
	return d.value.FieldByName("Env").Interface().(map[string]string) //nolint:errcheck,forcetypeassert // documentType made it
}

func (d *document) envs() map[string]OwnEnv {
	return d.value.FieldByName("Envs").Interface().(map[string]OwnEnv) //nolint:errcheck,forcetypeassert // documentType made it
}

// scriptBlock is the PEP 723 block of a script.
type scriptBlock struct {
	needs scriptNeeds
	from  string // file and line
}

// scriptNeeds are the dependencies and requires-python of a PEP 723 block.
type scriptNeeds struct {
	Dependencies   []string `toml:"dependencies"`
	RequiresPython string   `toml:"requires-python"`
}

// newScriptDocument is what a PEP 723 block is decoded into: scriptNeeds with the
// table [tool.modelrun], a document.
func newScriptDocument(t Table) (target any, needs func() scriptNeeds, doc *document) {
	typ := reflect.StructOf([]reflect.StructField{
		{Name: "Dependencies", Type: reflect.TypeFor[[]string](), Tag: tomlTag("dependencies")},
		{Name: "RequiresPython", Type: reflect.TypeFor[string](), Tag: tomlTag("requires-python")},
		{Name: "Tool", Tag: tomlTag("tool"), Type: reflect.StructOf([]reflect.StructField{
			{Name: "Modelrun", Type: documentType(t), Tag: tomlTag("modelrun")},
		})},
	})
	v := reflect.New(typ)
	needs = func() scriptNeeds {
		list, _ := v.Elem().Field(0).Interface().([]string)
		return scriptNeeds{Dependencies: list, RequiresPython: v.Elem().Field(1).String()}
	}
	return v.Interface(), needs, &document{table: t, value: v.Elem().Field(2).Field(0)}
}
