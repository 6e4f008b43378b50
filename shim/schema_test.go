package shim

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSchemas compares docs/json.md with what the program writes: a field that
// is in one of them only is a defect.
func TestSchemas(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/json.md")
	require.NoError(t, err)
	event := []string{}
	for i, v := range (facts{}).event() {
		if i%2 == 0 {
			name, ok := v.(string)
			require.True(t, ok)
			event = append(event, name)
		}
	}
	for heading, fields := range map[string][]string{
		"`--status-file FILE`": slices.DeleteFunc(fieldsOf("", reflect.TypeFor[statusDoc]()), func(f string) bool { return f == "schema" }), // said of every document
		"`which --json`":       fieldsOf("", reflect.TypeFor[whichDoc]()),
		"`explain --json`":     fieldsOf("", reflect.TypeFor[explainDoc]()),
		"`list --json`":        fieldsOf("", reflect.TypeFor[listDoc]()),
		"`config --json`":      fieldsOf("", reflect.TypeFor[configDoc]()),
		"`--log-format json`":  event,
	} {
		_, section, found := strings.Cut(string(data), "\n## "+heading+"\n")
		require.True(t, found, heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var told []string
		for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(section, -1) {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				told = append(told, name[1])
			}
		}
		slices.Sort(told)
		slices.Sort(fields)
		require.Equal(t, fields, told, heading)
	}
}

// fieldsOf are the names in JSON, those of a list's elements after "[].".
func fieldsOf(prefix string, t reflect.Type) (out []string) {
	for f := range t.Fields() {
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
