package uv

import _ "embed"

// pinned is the version in requirements.txt.
const pinned = "0.13.9"

// requirements is the input of pip: one version of uv, with its hash.
//
//go:embed requirements.txt
var requirements string
