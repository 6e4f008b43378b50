package main

import (
	"debug/pe"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// TestResources checks the resources of a built modelrun.exe: the manifest, the
// version strings and the icon. "make resources" makes them.
func TestResources(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go here to build the programs with")
	}
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "modelrun.exe")
			build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
			build.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0")
			out, err := build.CombinedOutput()
			require.NoError(t, err, string(out))

			file, err := pe.Open(program)
			require.NoError(t, err)
			defer file.Close()
			section := file.Section(".rsrc")
			require.NotNil(t, section)
			data, err := section.Data()
			require.NoError(t, err)
			rsrc := string(data)

			manifest, err := os.ReadFile("winres/modelrun.manifest")
			require.NoError(t, err)
			require.Contains(t, rsrc, string(manifest))
			for _, part := range []string{
				`level="asInvoker"`, `>true</longPathAware>`, `>UTF-8</activeCodePage>`,
				`supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"`,
			} {
				require.Contains(t, rsrc, part)
			}
			for _, word := range []string{"VS_VERSION_INFO", "ProductVersion", "modelrun: starts local AI model programs"} {
				require.Contains(t, rsrc, wide(word))
			}
			require.Contains(t, rsrc, wide("APP"), "the icon's name")
			require.Contains(t, rsrc, "\x89PNG", "the icon")
		})
	}
}

// wide returns a text as Windows stores it: in UTF-16, little-endian.
func wide(text string) string {
	var out []byte
	for _, c := range utf16.Encode([]rune(text)) {
		out = append(out, byte(c), byte(c>>8))
	}
	return string(out)
}
