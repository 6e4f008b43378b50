package health_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	record := func(t *testing.T, e *env, rows string) {
		write(t, e.path("extra-1.0.dist-info/INSTALLER"), "uv")
		write(t, e.path("extra-1.0.dist-info/METADATA"), "Name: extra\n")
		if rows != "" {
			rows += "extra-1.0.dist-info/METADATA,sha256=x,12\n"
		}
		write(t, e.path("extra-1.0.dist-info/RECORD"), rows)
	}
	scriptRow, nowhere := "../../../bin/extra", "/nowhere/at/all"
	if runtime.GOOS == "windows" {
		scriptRow, nowhere = "../../Scripts/extra", "C:/nowhere/at/all"
	}
	for name, tt := range map[string]struct {
		change func(*testing.T, *env)
		want   string // "" if the env is complete
	}{
		"whole": {change: func(*testing.T, *env) {}},
		"a file is missing": {
			change: func(t *testing.T, e *env) { require.NoError(t, os.Remove(e.path("transformers/utils.py"))) },
			want:   "package transformers lacks a file: {sp}/transformers/utils.py",
		},
		"a folder became a file": {
			change: func(t *testing.T, e *env) {
				require.NoError(t, os.RemoveAll(e.path("torch/lib")))
				write(t, e.path("torch/lib"), "")
			},
			want: "package torch lacks a file: {sp}/{c10}",
		},
		"a file was emptied": {
			change: func(t *testing.T, e *env) { require.NoError(t, os.Truncate(e.path(lib("c10")), 0)) },
			want:   "package torch has a damaged file: {sp}/{c10} has 0 bytes, not 3",
		},
		"a killed installer": {
			change: func(t *testing.T, e *env) {
				require.NoError(t, os.Remove(e.path("torch-2.5.1+cu121.dist-info/INSTALLER")))
			},
			want: "package torch has no INSTALLER: the install was interrupted",
		},
		"no RECORD": {
			change: func(t *testing.T, e *env) {
				require.NoError(t, os.Remove(e.path("torch-2.5.1+cu121.dist-info/RECORD")))
			},
			want: "package torch has no RECORD: {sp}/torch-2.5.1+cu121.dist-info",
		},
		"an emptied RECORD": {
			change: func(t *testing.T, e *env) { record(t, e, "") },
			want:   "package extra has an empty RECORD: {sp}/extra-1.0.dist-info",
		},
		// Only the installer's own rows: the cached RECORD was empty.
		"a RECORD from an emptied cache": {
			change: func(t *testing.T, e *env) {
				write(t, e.path("torch-2.5.1+cu121.dist-info/RECORD"), "torch-2.5.1+cu121.dist-info/INSTALLER,,\ntorch-2.5.1+cu121.dist-info/RECORD,,\n")
			},
			want: "package torch has a RECORD without its METADATA: {sp}/torch-2.5.1+cu121.dist-info",
		},
		"a nonsense RECORD": {
			change: func(t *testing.T, e *env) { record(t, e, "x.py,,many\n") },
			want:   `package extra has a RECORD that cannot be read: line 1 has no size: "many"`,
		},
		"two wheels share a file": {
			change: func(t *testing.T, e *env) {
				e.install(t, "nvidia-cudnn", "9", map[string]string{"nvidia/__init__.py": ""})
				e.install(t, "nvidia-cublas", "12", map[string]string{"nvidia/__init__.py": "# later\n"})
			},
		},
		"scripts, quotes and CRLF": {
			change: func(t *testing.T, e *env) {
				write(t, filepath.Join(e.Dir.Scripts(), "extra"), "12345")
				write(t, e.path("a, b.py"), "123")
				record(t, e, scriptRow+",sha256=x,5\r\n\"a, b.py\",sha256=x,3\r\nextra-1.0.dist-info/RECORD,,\r\n")
			},
		},
		"a script is missing": {
			change: func(t *testing.T, e *env) { record(t, e, scriptRow+",sha256=x,5\n") },
			want:   "package extra lacks a file: {scripts}/extra",
		},
		"rows that lead out": {
			change: func(t *testing.T, e *env) {
				record(t, e, "../../../../../../../../etc/none,sha256=x,5\n"+nowhere+",,7\n..,,\n")
			},
		},
		"names of more than 300 characters": {
			change: func(t *testing.T, e *env) {
				e.install(t, "deep", "1", map[string]string{strings.Repeat(strings.Repeat("d", 50)+"/", 6) + "deep.py": "x"})
			},
		},
		"a file with such a name is missing": {
			change: func(t *testing.T, e *env) {
				file := strings.Repeat(strings.Repeat("d", 50)+"/", 6) + "deep.py"
				e.install(t, "deep", "1", map[string]string{file: "x"})
				require.NoError(t, os.Remove(e.path(file)))
			},
			want: "package deep lacks a file: {sp}/" + strings.Repeat(strings.Repeat("d", 50)+"/", 6) + "deep.py",
		},
		"byte code comes and goes": {
			change: func(t *testing.T, e *env) { record(t, e, "x/__pycache__/y.cpython-311.pyc,sha256=x,99\n") },
		},
		"what pip could not delete": {
			change: func(t *testing.T, e *env) {
				require.NoError(t, os.Mkdir(e.path("~orch-2.4.0.dist-info"), 0o755))
			},
		},
		"python is gone": {
			change: func(t *testing.T, e *env) { require.NoError(t, os.Remove(e.Dir.Python())) },
			want:   "python is missing: {python}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, envdir.Shared)
			tt.change(t, &e)
			err := health.Audit(e.Dir)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			want := strings.NewReplacer("{sp}", e.packages, "{scripts}", e.Dir.Scripts(), "{python}", e.Dir.Python(), "{c10}", lib("c10")).Replace(tt.want)
			require.EqualError(t, err, filepath.FromSlash(want))
			require.Equal(t, fault.Verify, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
		})
	}
}

// TestContents checks damage that keeps a file's size. Only Contents finds it.
func TestContents(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Shared)
	row := func(path, text string) string {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf("%s,sha256=%s,%d\n", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
	}
	e.install(t, "a", "1", nil)
	e.install(t, "b", "1", nil)
	for name, text := range map[string]string{"a": "first", "b": "other"} { // both ship x/y.py; the later one won
		write(t, e.path(name+"-1.dist-info/RECORD"), row("x/y.py", text)+"x/z.py,,\n"+row(name+"-1.dist-info/METADATA", "Name: "+name+"\nVersion: 1\n"))
	}
	write(t, e.path("x/y.py"), "other")
	write(t, e.path("x/z.py"), "not in RECORD")
	mismatches, err := health.Contents(t.Context(), e.Dir)
	require.NoError(t, err)
	require.Empty(t, mismatches)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = health.Contents(ctx, e.Dir)
	require.ErrorIs(t, err, context.Canceled)
	write(t, e.path("x/y.py"), "\x00\x00\x00\x00\x00")
	write(t, e.path("b-1.dist-info/METADATA"), "Name: b\nVersion: 2\n")
	require.NoError(t, health.Audit(e.Dir))
	mismatches, err = health.Contents(t.Context(), e.Dir)
	require.NoError(t, err)
	require.Len(t, mismatches, 2, "a permanent mismatch hides no other")
	require.ErrorContains(t, mismatches[1].Err, "package a has a damaged file: the content of "+e.path("x/y.py"))
	require.Equal(t, fault.Verify, fault.CodeOf(mismatches[1].Err))
	require.NotEqual(t, mismatches[0].Sum, mismatches[1].Sum)
	write(t, e.path("a-1.dist-info/METADATA"), "")
	mismatches, err = health.Contents(t.Context(), e.Dir)
	require.ErrorContains(t, err, "METADATA has 0 bytes, not")
	require.Len(t, mismatches, 2, "nor does a damaged file")
}
