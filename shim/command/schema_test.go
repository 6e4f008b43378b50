package command

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/shim/terminal"
)

// TestSchemas compares docs/json.md with what the program writes: both must have
// the same fields.
func TestSchemas(t *testing.T) {
	t.Parallel()
	page := jsonPage(t)
	for heading, fields := range map[string][]string{
		"`--status-file FILE`": slices.DeleteFunc(fieldsOf("", reflect.TypeFor[terminal.StatusDoc]()), func(f string) bool { return f == "schema" }), // described once for all documents
		"`which --json`":       fieldsOf("", reflect.TypeFor[whichDoc]()),
		"`explain --json`":     fieldsOf("", reflect.TypeFor[explainDoc]()),
		"`list --json`":        fieldsOf("", reflect.TypeFor[listDoc]()),
		"`config --json`":      fieldsOf("", reflect.TypeFor[configDoc]()),
		"`--log-format json`":  terminal.EventFields(),
	} {
		_, section, found := strings.Cut(page, "\n## "+heading+"\n")
		require.True(t, found, heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var described []string
		for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(section, -1) {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				described = append(described, name[1])
			}
		}
		slices.Sort(described)
		slices.Sort(fields)
		require.Equal(t, fields, described, heading)
	}
}

// jsonPage returns the text of docs/json.md.
func jsonPage(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/json.md")
	require.NoError(t, err)
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// fieldsOf lists the JSON names of a struct's fields. The names of a list's
// elements follow "[].".
func fieldsOf(prefix string, t reflect.Type) (out []string) {
	for f := range t.Fields() {
		if f.Anonymous { // its fields are the document's
			out = append(out, fieldsOf(prefix, f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, prefix+name)
		inner, sep := f.Type, "."
		if inner.Kind() == reflect.Slice {
			inner, sep = inner.Elem(), "[]."
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			out = append(out, fieldsOf(prefix+name+sep, inner)...)
		}
	}
	return out
}
