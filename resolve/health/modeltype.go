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
	version := distsOf(st.names)["transformers"].version
	text := fmt.Sprintf("the model is of type %s, which transformers %s in environment %s does not know", s.ModelType, version, s.Dir.Name)
	newer, certain := profile.Newer(s.ModelType, version)
	start := fmt.Sprintf("%s --with %s -- …", s.Start, fault.Quote(newer))
	if certain {
		return []string{text + "; start it with one that does: " + start}
	}
	return []string{text + "; a newer one may, and so may a newer modelrun: " + start}
}
