package health_test

import (
	"os"
	"path/filepath"
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
		write(t, e.path("extra-1.0.dist-info/RECORD"), rows)
	}
	for name, tt := range map[string]struct {
		change func(*testing.T, *env)
		want   string // "" is whole
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
			want: "package torch lacks a file: {sp}/torch/lib/libc10.so",
		},
		"a file was emptied": {
			change: func(t *testing.T, e *env) { require.NoError(t, os.Truncate(e.path("torch/lib/libc10.so"), 0)) },
			want:   "package torch has a damaged file: {sp}/torch/lib/libc10.so has 0 bytes, not 3",
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
				record(t, e, "../../../bin/extra,sha256=x,5\r\n\"a, b.py\",sha256=x,3\r\nextra-1.0.dist-info/RECORD,,\r\n")
			},
		},
		"a script is missing": {
			change: func(t *testing.T, e *env) { record(t, e, "../../../bin/extra,sha256=x,5\n") },
			want:   "package extra lacks a file: {venv}/bin/extra",
		},
		"rows that lead out": {
			change: func(t *testing.T, e *env) {
				record(t, e, "../../../../../../../../etc/none,sha256=x,5\n/nowhere/at/all,,7\n..,,\n")
			},
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
			want:   "python is missing: {venv}/bin/python",
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
			require.EqualError(t, err, strings.NewReplacer("{sp}", e.packages, "{venv}", e.Dir.Venv()).Replace(tt.want))
			require.Equal(t, fault.Verify, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
		})
	}
}
