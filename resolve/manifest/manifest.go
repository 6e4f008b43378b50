// Package manifest reads the files in which other tools say what a model needs: MLflow,
// Cog, conda, BentoML and Pinokio. It runs none of them.
package manifest

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// maxSize limits the size of a manifest; real ones have 4 KiB.
const maxSize = 64 << 10

// Manifest is what the files of a tool ask for.
type Manifest struct {
	Tool         string   // "MLflow"
	Key          string   // a key for the env: "from-mlflow"
	File         string   // the name of the file that shows the tool
	Python       string   // "3.10"; "" for any
	Requirements string   // a requirements file, relative to the folder; "" if there is none
	Packages     []string // requirements
	System       []string // packages of the operating system
	Steps        []string // commands that the tool would run
	Odd          []string // what is asked for in a way that is not understood
}

// tools is the table of tools, the most exact first.
var tools = [...]struct {
	name, key string
	files     []string // each alone shows the tool
	read      func(*Manifest, folder)
}{
	{"MLflow", "from-mlflow", []string{"MLmodel"}, (*Manifest).mlflow},
	{"Cog", "from-cog", []string{"cog.yaml"}, (*Manifest).cog},
	{"BentoML", "from-bentoml", []string{"bentofile.yaml"}, (*Manifest).bentoml},
	{"Pinokio", "from-pinokio", []string{"pinokio.js"}, (*Manifest).pinokio},
	{"conda", "from-conda", []string{"environment.yml", "environment.yaml", "conda.yaml"}, (*Manifest).conda},
}

// In reads the manifest in dir, whose files have these names. ok is false if there is
// none. At most three files of 64 KiB are read.
func In(dir string, names []string) (m Manifest, ok bool) {
	for _, tool := range tools {
		for _, file := range tool.files {
			if slices.Contains(names, file) {
				m = Manifest{Tool: tool.name, Key: tool.key, File: file}
				tool.read(&m, folder{dir, names})
				return m, true
			}
		}
	}
	return m, false
}

// folder is a folder with its files.
type folder struct {
	dir   string
	names []string
}

func (f folder) has(name string) bool { return slices.Contains(f.names, name) }

// yaml reads a file of the folder. A file that cannot be read is odd.
func (m *Manifest) yaml(f folder, name string) values {
	data, err := fsys.ReadFile(filepath.Join(f.dir, name), maxSize)
	switch {
	case errors.Is(err, fsys.ErrTooLarge):
		m.Odd = append(m.Odd, name+" is larger than 64 KiB")
	case err != nil:
		m.Odd = append(m.Odd, name+" cannot be read")
	}
	return parseYAML(data)
}

// mlflow reads an MLflow model: requirements.txt, else the pip part of conda.yaml.
func (m *Manifest) mlflow(f folder) {
	model := m.yaml(f, m.File)
	if f.has("python_env.yaml") {
		m.python(m.yaml(f, "python_env.yaml").first("python"))
	}
	switch {
	case f.has("requirements.txt"):
		m.Requirements = "requirements.txt"
	case f.has("conda.yaml"):
		m.condaFile(f, m.yaml(f, "conda.yaml"))
	}
	if m.Python == "" {
		m.python(model.first("flavors.python_function.python_version"))
	}
}

// cog reads a cog.yaml: https://github.com/replicate/cog/blob/main/docs/yaml.md.
func (m *Manifest) cog(f folder) {
	y := m.yaml(f, m.File)
	m.python(y.first("build.python_version"))
	m.files(f, y.at["build.python_requirements"]...)
	m.packages(y.at["build.python_packages"]...)
	m.System = y.at["build.system_packages"]
	m.Steps = slices.Concat(y.at["build.pre_install"], y.at["build.run"], y.at["build.run.command"])
	m.odd(y, "build.python_version", "build.python_requirements", "build.python_packages", "build.system_packages", "build.pre_install", "build.run")
}

// bentoml reads a bentofile.yaml:
// https://docs.bentoml.com/en/latest/reference/bentoml/bento-build-options.html.
func (m *Manifest) bentoml(f folder) {
	y := m.yaml(f, m.File)
	m.python(y.first("docker.python_version"))
	m.files(f, y.at["python.requirements_txt"]...)
	m.packages(y.at["python.packages"]...)
	m.System = y.at["docker.system_packages"]
	m.Steps = slices.Concat(y.at["docker.setup_script"], y.at["docker.dockerfile_template"])
	m.Odd = append(m.Odd, slices.Concat(y.at["conda.environment_yml"], y.at["conda.dependencies"], y.at["conda.pip"])...)
	m.odd(y, "python", "docker", "conda")
}

// pinokio knows a Pinokio app by its name only: its files are JavaScript.
func (m *Manifest) pinokio(f folder) {
	for _, name := range []string{"install.js", "install.json", "torch.js"} {
		if f.has(name) {
			m.Steps = append(m.Steps, name)
		}
	}
	m.besides(f)
}

// conda reads an environment.yml.
func (m *Manifest) conda(f folder) {
	m.condaFile(f, m.yaml(f, m.File))
	m.besides(f)
}

// condaFile reads the Python and the pip part of a conda environment. Packages of
// conda have names of their own, so they are only named.
func (m *Manifest) condaFile(f folder, y values) {
	for _, spec := range y.at["dependencies"] {
		name, version, _ := strings.Cut(strings.ReplaceAll(spec, " ", ""), "=")
		switch name {
		case "python":
			m.python(strings.TrimPrefix(version, "="))
		case "pip":
		default:
			if !strings.HasPrefix(name, "pip<") && !strings.HasPrefix(name, "pip>") {
				m.Odd = append(m.Odd, "conda package "+spec)
			}
		}
	}
	m.packages(slices.DeleteFunc(slices.Clone(y.at["dependencies.pip"]), func(line string) bool {
		file, ok := strings.CutPrefix(line, "-r ")
		if ok {
			m.files(f, strings.TrimSpace(file))
		}
		return ok
	})...)
	m.odd(y, "dependencies")
}

// besides takes the requirements.txt beside a manifest that names nothing to install.
func (m *Manifest) besides(f folder) {
	if len(m.Packages) == 0 && m.Requirements == "" && f.has("requirements.txt") {
		m.Requirements = "requirements.txt"
	}
}

// python takes the minor version of a Python.
func (m *Manifest) python(version string) {
	parts := strings.Split(strings.TrimSuffix(version, ".*"), ".")
	if version == "" {
		return
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" || len(part) > 3 {
			parts = nil
		}
	}
	if len(parts) != 2 && len(parts) != 3 {
		m.Odd = append(m.Odd, "python "+version)
		return
	}
	m.Python = parts[0] + "." + parts[1]
}

// packages takes requirements, to be pasted. Options of pip among them are odd, and so is
// what a shell of Windows would act on inside of quotes.
func (m *Manifest) packages(lines ...string) {
	for _, line := range lines {
		r, err := requirement.Parse(line)
		text := r.String()
		acts := strings.ContainsAny(text, "\"$`&|“”„") || r.URL == "" && strings.Contains(text, "%")
		if err == nil && r.Path() == "" && !acts {
			m.Packages = append(m.Packages, text)
		} else {
			m.Odd = append(m.Odd, line)
		}
	}
}

// files takes a requirements file of the folder. A second one is odd, because a start
// takes one.
func (m *Manifest) files(f folder, paths ...string) {
	for _, path := range paths {
		path = filepath.FromSlash(strings.TrimPrefix(path, "./"))
		if m.Requirements != "" || !filepath.IsLocal(path) || !fsys.Exists(filepath.Join(f.dir, path)) {
			m.Odd = append(m.Odd, "-r "+path)
			continue
		}
		m.Requirements = path
	}
}

// odd takes over those keys that could not be read.
func (m *Manifest) odd(y values, keys ...string) {
	for _, key := range y.odd {
		if slices.ContainsFunc(keys, func(k string) bool { return key == k || strings.HasPrefix(key, k+".") }) {
			m.Odd = append(m.Odd, key+" of "+m.File)
		}
	}
}
