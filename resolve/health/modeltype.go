package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// typeWarning returns one line if the env's transformers has no code for the type
// in the model's config.json: loading the model would fail with a traceback. It
// looks only at files. The warning concerns one model, so it is not part of a
// verdict. This costs one stat, and more only if the folder of that name is
// missing.
func typeWarning(s Subject, st *site) []string {
	if s.ModelType == "" || !needs(s, "transformers") {
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
	update := "modelrun ensure --update"
	if s.Dir.Kind != envdir.Old {
		update += " --env " + s.Dir.Name
	}
	return []string{fmt.Sprintf("the model is of type %s, which transformers %s in environment %s does not know; a newer one may: %s",
		s.ModelType, distsOf(st.names)["transformers"].version, s.Dir.Name, update)}
}
