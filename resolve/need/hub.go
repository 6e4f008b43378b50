package need

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// isHubID reports whether name has the form org/name. Each part consists of A-Z
// a-z 0-9 . _ -, with at most 96 characters in total, like huggingface_hub's
// validate_repo_id.
func isHubID(name string) bool {
	org, repo, ok := strings.Cut(name, "/")
	return ok && len(name) <= 96 && isHubName(org) && isHubName(repo)
}

// HubName returns the hub id for which an old env was made, derived from the
// env's own id. It returns "" for the id of a path, and if several hub ids have
// this id.
func HubName(id envdir.ID) string {
	org, repo, ok := strings.Cut(string(id), "__")
	if name := org + "/" + repo; ok && !strings.Contains(repo, "__") && isHubID(name) && envdir.HubID(name) == id {
		return name
	}
	return ""
}

// isHubName reports whether s can be one part of a hub id.
func isHubName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) && !strings.ContainsAny(s[:1]+s[len(s)-1:], ".-") && !strings.Contains(s, "..") && !strings.Contains(s, "--")
}

// orgOf returns the part before the first "/".
func orgOf(name string) string {
	org, _, _ := strings.Cut(name, "/")
	return org
}

// cachedName reports whether name is an early hub model without an organisation
// ("gpt2"). Only the cache can tell it from a mistyped folder.
func cachedName(name string, p Places) bool {
	return isHubName(name) && p.HubDir != "" && isDir(repoDir(name, p), "")
}

// repoDir returns the folder of a repository in the hub's cache.
func repoDir(id string, p Places) string {
	return filepath.Join(p.HubDir, "models--"+strings.ReplaceAll(id, "/", "--"))
}

// fromHub reads the cached files of m.Hub. Without them it decides by the name.
func (m *Model) fromHub(p Places) error {
	dir, err := snapshot(m.Hub, p)
	if err != nil {
		return err
	}
	if dir != "" {
		m.Path = dir
		return m.fromFolder(dir, p)
	}
	return m.fromName(p)
}

// snapshot returns the folder of a hub id's cached files. It prefers
// the revision in refs/main; otherwise it takes the first one with a model's
// files. It returns "" if there is none.
//
// The layout of the cache is huggingface_hub's:
// models--org--name/{refs/main,snapshots/<revision>/…}, with files linked into
// blobs.
func snapshot(id string, p Places) (string, error) {
	if p.HubDir == "" {
		return "", nil
	}
	repo := repoDir(id, p)
	snapshots := filepath.Join(repo, "snapshots")
	entries, err := os.ReadDir(snapshots)
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", unreadableModel(snapshots, err)
	}
	main := ""
	if ref, err := readSmall(filepath.Join(repo, "refs", "main")); err == nil {
		main = strings.TrimSpace(string(ref))
	}
	found := ""
	for _, e := range entries {
		dir := filepath.Join(snapshots, e.Name())
		if !e.IsDir() || found != "" && e.Name() != main {
			continue
		}
		l, err := list(dir)
		if err != nil {
			return "", unreadableModel(dir, err)
		}
		if l.isModel() {
			found = dir
			if e.Name() == main {
				break
			}
		}
	}
	return found, nil
}
