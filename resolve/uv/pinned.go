package uv

import _ "embed"

// pinned is the version in requirements.txt.
const pinned = "0.13.9"

//go:embed requirements.txt
var requirements string

// requirement returns the requirements file for pip: one version, by hash.
func requirement() string { return requirements }
