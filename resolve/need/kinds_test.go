package need

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// TestKinds compares what each folder of testdata/kinds.txt needs with the text in its
// file "want". Every kind of the table must have a folder.
func TestKinds(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "kinds.txt"))
	require.NoError(t, err)
	files, want := map[string]string{"diffusion-gguf/model.gguf": flux}, map[string]string{}
	for _, f := range archive.Files {
		if folder, ok := strings.CutSuffix(f.Name, "/want"); ok {
			want[folder] = strings.TrimSpace(string(f.Data))
			continue
		}
		files[f.Name] = string(f.Data)
	}
	dir, seen := tree(t, files), []string{}
	for folder := range want {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
		m, err := Of(folder, Places{Cwd: dir})
		require.Equal(t, want[folder], summary(m, err, dir), folder)
		seen = append(seen, m.Kind)
		if strings.HasPrefix(folder, "none-") && folder != "none-config-and-weights" {
			require.False(t, Holds(filepath.Join(dir, folder)), "a program in %s has no model", folder)
		}
	}
	for _, k := range kinds {
		require.Contains(t, seen, k.Name, "no folder of testdata/kinds.txt is of this kind")
	}
}

// flux is the head of a GGUF file of version 3 without tensors and with one pair.
const flux = "GGUF\x03\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" +
	"\x14\x00\x00\x00\x00\x00\x00\x00general.architecture" + "\x08\x00\x00\x00" + "\x04\x00\x00\x00\x00\x00\x00\x00flux"

// summary returns what was found in a folder below dir, one fact a line.
func summary(m Model, err error, dir string) string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			b.WriteString(name + " " + text + "\n")
		}
	}
	line("kind", m.Kind)
	line("family", m.Family)
	line("needs", strings.Join(m.Needs.Packages, ", "))
	for _, e := range m.Evidence {
		line("by", e.String())
	}
	if err != nil {
		line("error", err.Error())
		line("hint", fault.RemedyOf(err))
	}
	text := strings.ReplaceAll(b.String(), dir+string(filepath.Separator), "")
	return strings.TrimSpace(filepath.ToSlash(text))
}

// TestKindsTable checks what the table of kinds says about other packages.
func TestKindsTable(t *testing.T) {
	t.Parallel()
	names, libraries := []string{}, []string{}
	for _, k := range kinds {
		require.NotContains(t, names, k.Name)
		names = append(names, k.Name)
		for _, library := range k.library {
			require.NotContains(t, libraries, library, k.Name)
			libraries = append(libraries, library)
		}
		isFamily := func(f profile.Family) bool { return f.Name == k.Family }
		require.True(t, k.Family == "" || slices.ContainsFunc(profile.Families(), isFamily), k.Name)
		require.True(t, k.Family == "" || k.Package == "", "%s is served", k.Name)
		for _, text := range slices.Concat(k.Needs.Packages, k.Needs.OnCUDA, []string{k.Package}) {
			if text != "" {
				_, err := requirement.Parse(text)
				require.NoError(t, err, k.Name)
			}
		}
	}
}
