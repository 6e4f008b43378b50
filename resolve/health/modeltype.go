package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
)

// typeWarning returns one line if the env's transformers has no code for the type
// in the model's config.json: loading the model would fail with a traceback. It
// looks only at files. The warning concerns one model, so it is not part of a
// verdict. This costs one stat, and more only if the folder of that name is
// missing.
func typeWarning(s Subject, st *site) []string {
	if s.ModelType == "" || !needs(s.Imports, "transformers") {
		return nil
	}
	models := filepath.Join(st.packages, "transformers", "models")
	// The folder has the type's name, with "_" for "-".
	if _, err := os.Stat(filepath.Join(models, strings.ReplaceAll(s.ModelType, "-", "_"))); !fsys.IsMissing(err) {
		return nil
	}
	// Some types share a folder; then transformers' registry names them.
	// Without a registry there is no warning.
	files, _ := filepath.Glob(filepath.Join(models, "auto", "*.py"))
	known := len(files) == 0
	for _, file := range files {
		data, err := readLimited(file, 4<<20)
		known = known || err != nil || strings.Contains(string(data), `"`+s.ModelType+`"`) || strings.Contains(string(data), `'`+s.ModelType+`'`)
	}
	if known {
		return nil
	}
	return []string{UnknownType(s.ModelType, distsOf(st.names)["transformers"].version, s.Dir.Name, s.Start)}
}

// UnknownType returns one line for the user: this version of transformers, in env,
// does not know a model's type. start is a command that starts the model, up to its
// options. The line ends with the command that may help.
func UnknownType(modelType, version, env, start string) string {
	text := fmt.Sprintf("the model is of type %s, which transformers %s in environment %s does not know", modelType, version, env)
	newer, certain := profile.Newer(modelType, version)
	start = fmt.Sprintf("%s --with %s -- …", start, fault.Quote(newer))
	if certain {
		return text + "; start it with one that does: " + start
	}
	return text + "; a newer one may, and so may a newer modelrun: " + start
}
