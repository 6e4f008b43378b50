package profile

import "strings"

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
