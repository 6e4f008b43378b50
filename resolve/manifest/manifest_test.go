package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIn checks what is read of each tool's files. The texts have the forms of public
// models.
func TestIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  Manifest
	}{
		"mlflow": {
			files: map[string]string{
				"MLmodel":         "flavors:\n  python_function:\n    env:\n      conda: conda.yaml\n    python_version: 3.10.10\n  sklearn:\n    code: null\nsignature:\n  inputs: '[{\"name\": \"a\"},\n    {\"name\": \"b\"}]'\n",
				"python_env.yaml": "python: 3.10.10\nbuild_dependencies:\n- pip==23.0\ndependencies:\n- -r requirements.txt\n", "requirements.txt": "mlflow<3,>=2.1\n", "conda.yaml": "dependencies: [numpy=1.2]\n",
			},
			want: Manifest{Tool: "MLflow", Key: "from-mlflow", File: "MLmodel", Python: "3.10", Requirements: "requirements.txt"},
		},
		"mlflow of conda": {
			files: map[string]string{
				"MLmodel":    "flavors:\n  python_function:\n    python_version: 3.7.9\n",
				"conda.yaml": "channels:\n- conda-forge\ndependencies:\n- python=3.10.10\n- pip<=23.0\n- pip:\n  - mlflow<3,>=2.1\n  - scikit-learn==1.2.0\n- cudatoolkit=11.3\nname: mlflow-env\n",
			},
			want: Manifest{Tool: "MLflow", Key: "from-mlflow", File: "MLmodel", Python: "3.10", Packages: []string{"mlflow<3,>=2.1", "scikit-learn==1.2.0"}, Odd: []string{"conda package cudatoolkit=11.3"}},
		},
		"mlflow alone": {
			files: map[string]string{"MLmodel": "flavors:\n  python_function:\n    python_version: 3.7.9\n"},
			want:  Manifest{Tool: "MLflow", Key: "from-mlflow", File: "MLmodel", Python: "3.7"},
		},
		"cog": {
			files: map[string]string{"cog.yaml": "# a comment\nbuild:\n  cuda: \"11.8\"\n  gpu: true\n  python_version: \"3.11\"\n  system_packages:\n    - \"libgl1-mesa-glx\"\n    - 'ffmpeg' # for sound\n  python_packages:\n    - \"diffusers==0.20.2\"\n    - \"Pillow\"\n    - \"torch==2.0.1 --extra-index-url https://example.org\"\n  run:\n    - \"pip install dlib\"\n    - command: pip install x\n      mounts:\n        - type: secret\npredict: \"predict.py:Predictor\"\n"},
			want: Manifest{
				Tool: "Cog", Key: "from-cog", File: "cog.yaml", Python: "3.11", Packages: []string{"diffusers==0.20.2", "pillow"}, System: []string{"libgl1-mesa-glx", "ffmpeg"},
				Steps: []string{"pip install dlib", "pip install x"}, Odd: []string{"torch==2.0.1 --extra-index-url https://example.org"},
			},
		},
		"cog with what shells act on": {
			files: map[string]string{"cog.yaml": "build:\n  python_packages:\n  - 'a; sys_platform == \"x$(calc)\"'\n  - 'b; sys_platform == \"x&calc&\"'\n  - c @ https://h/%CMDCMDLINE:~0,1%&calc&\n  - 'd; os_name == \"%X:~0,1%>f\"'\n  - e @ https://h/e-1%2Bcpu.zip\n  - 'f; sys_platform == \"linux\"'\n"},
			want: Manifest{
				Tool: "Cog", Key: "from-cog", File: "cog.yaml", Packages: []string{"e @ https://h/e-1%2Bcpu.zip", "f; sys_platform == 'linux'"},
				Odd: []string{`a; sys_platform == "x$(calc)"`, `b; sys_platform == "x&calc&"`, "c @ https://h/%CMDCMDLINE:~0,1%&calc&", `d; os_name == "%X:~0,1%>f"`},
			},
		},
		"cog with a file": {
			files: map[string]string{"cog.yaml": "build:\n  python_version: 3.8\n  python_requirements: ./reqs/r.txt\n  run: |\n    echo a\n    echo b\n", "reqs/r.txt": "rich\n"},
			want:  Manifest{Tool: "Cog", Key: "from-cog", File: "cog.yaml", Python: "3.8", Requirements: filepath.Join("reqs", "r.txt"), Odd: []string{"build.run of cog.yaml"}},
		},
		"cog that leads away": {
			files: map[string]string{"cog.yaml": "build:\n  python_requirements: ../secret.txt\n  python_packages: *common\n"},
			want:  Manifest{Tool: "Cog", Key: "from-cog", File: "cog.yaml", Odd: []string{"-r " + filepath.Join("..", "secret.txt"), "build.python_packages of cog.yaml"}},
		},
		"conda": {
			files: map[string]string{"environment.yml": "name: x\ndependencies:\n  - python>=3.8\n  - numpy\n  - pip\n  - pip:\n      - -r requirements.txt\n      - rich\n", "requirements.txt": ""},
			want:  Manifest{Tool: "conda", Key: "from-conda", File: "environment.yml", Packages: []string{"rich"}, Requirements: "requirements.txt", Odd: []string{"conda package python>=3.8", "conda package numpy"}},
		},
		"bentoml": {
			files: map[string]string{"bentofile.yaml": "service: \"service:S\"\npython:\n  packages: [scikit-learn, \"pandas>=1\", # two\n    rich]\ndocker:\n  python_version: '3.9'\n  system_packages:\n  - git\n  setup_script: ./setup.sh\n"},
			want:  Manifest{Tool: "BentoML", Key: "from-bentoml", File: "bentofile.yaml", Python: "3.9", Packages: []string{"scikit-learn", "pandas>=1", "rich"}, System: []string{"git"}, Steps: []string{"./setup.sh"}},
		},
		"pinokio": {
			files: map[string]string{"pinokio.js": "module.exports = {}", "install.js": "", "requirements.txt": ""},
			want:  Manifest{Tool: "Pinokio", Key: "from-pinokio", File: "pinokio.js", Requirements: "requirements.txt", Steps: []string{"install.js"}},
		},
		"too large": {
			files: map[string]string{"cog.yaml": strings.Repeat("# x\n", 20_000)},
			want:  Manifest{Tool: "Cog", Key: "from-cog", File: "cog.yaml", Odd: []string{"cog.yaml is larger than 64 KiB"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var names []string
			for file, text := range c.files {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
				names = append(names, file)
			}
			got, ok := In(dir, names)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
	_, ok := In(t.TempDir(), []string{"config.json", "environment.txt"})
	require.False(t, ok)
}

// FuzzParseYAML checks that no text makes the reader fail or give a value of more than
// one line.
func FuzzParseYAML(f *testing.F) {
	for _, s := range []string{"a:\n- b\n- c: d\n  e: [f, 'g', \"h\"]\n", "a: |\n  b\nc: &x {y: z}\n", "- - - a:\n", "a: [b,\n c,\n", "\"a\": 'b # c' # d", "a: [[[[", ":\n : \n- :"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := parseYAML(data)
		n := 0
		for _, all := range v.at {
			for _, s := range all {
				require.NotContains(t, s, "\n")
				n += len(s)
			}
		}
		require.LessOrEqual(t, n, len(data))
	})
}
