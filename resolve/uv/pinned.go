package uv

import _ "embed"

// pinned is the version in requirements.txt.
const pinned = "0.13.9"

// requirements is what pip installs: one version, by hash.
//
//go:embed requirements.txt
var requirements string
