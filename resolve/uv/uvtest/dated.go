package uvtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Undated is the age of a file for which the index gives no date.
const Undated = -time.Second

// Pages writes the index once more below its folder, as simple-json/<package>: pages
// in JSON (PEP 691), which give the date of each file. A file is as old as ages says
// for its name and version ("pkg-1.0"), or else a month. A web server must send them
// as [PagesType].
func (ix *Index) Pages(t testing.TB, ages map[string]time.Duration) {
	t.Helper()
	entries, err := os.ReadDir(ix.Dir())
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]map[string]any{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(ix.Dir(), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitN(strings.TrimSuffix(e.Name(), ".tar.gz"), "-", 3)
		sum := sha256.Sum256(data)
		file := map[string]any{"filename": e.Name(), "url": "../../wheels/" + e.Name(), "size": len(data), "hashes": map[string]string{"sha256": hex.EncodeToString(sum[:])}}
		age, ok := ages[parts[0]+"-"+parts[1]]
		if !ok {
			age = 30 * 24 * time.Hour
		}
		if age != Undated {
			file["upload-time"] = time.Now().Add(-age).UTC().Format(time.RFC3339)
		}
		name := strings.ToLower(strings.ReplaceAll(parts[0], "_", "-"))
		pages[name] = append(pages[name], file)
	}
	dir := filepath.Join(ix.dir, "simple-json")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, files := range pages {
		data, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": name, "files": files, "versions": []string{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// PagesType is the content type of the pages that [Index.Pages] writes.
const PagesType = "application/vnd.pypi.simple.v1+json"
