package profile

import (
	"strings"

	"github.com/modelrun/modelrun/resolve/requirement"
)

// Lines reports which lines of transformers know a model_type. Both are false for a
// type that is in no list. The lists are those of the wheels that types_generated.go
// names.
func Lines(modelType string) (in4, in5 bool) {
	_, rest, ok := strings.Cut(types, "\n"+modelType+" ")
	if !ok || modelType == "" {
		return false, false
	}
	lines, _, _ := strings.Cut(rest, "\n")
	return strings.Contains(lines, "4"), strings.Contains(lines, "5")
}

// Newest returns the newest version of a line of transformers that this modelrun
// knows: the one that [Lines] is read from.
func Newest(line int) string {
	if line == 5 {
		return typesVersion5
	}
	return typesVersion4
}

// Unknown reports whether a version of transformers certainly has no code for a
// model_type: the list of its line has not the type, and is not of an older version.
// It is false for a version "".
func Unknown(modelType, version string) bool {
	in4, in5 := Lines(modelType)
	line := LineOf(version)
	known := line == 4 && in4 || line == 5 && in5
	return modelType != "" && version != "" && !known && requirement.CompareReleases(version, Newest(line)) <= 0
}

// Newer returns a requirement on transformers for a model_type that version does not
// know. If certain is false, no list has the type, and a newer version may know it.
func Newer(modelType, version string) (text string, certain bool) {
	switch in4, in5 := Lines(modelType); {
	case in4 && in5:
		text = "transformers>=" + typesVersion4
	case in4:
		text = "transformers>=" + typesVersion4 + ",<5"
	case in5:
		text = "transformers>=" + typesVersion5
	}
	if r, err := requirement.Parse(text); err == nil && !r.Allows(version) {
		return text, true
	}
	return "transformers>" + typesVersion5, false
}
