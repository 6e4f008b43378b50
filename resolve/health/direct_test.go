package health_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/source"
)

// TestLacksDirect checks which direct references an env has: by its seal, or by a
// direct_url.json that pip or uv wrote.
func TestLacksDirect(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envdir.Old)
	install := func(dist, directURL string) {
		t.Helper()
		dir := filepath.Join(e.packages, dist+".dist-info")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		if directURL != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "direct_url.json"), []byte(directURL), 0o600))
		}
	}
	install("mylib-1.0", `{"url": "file:///src/my%20lib", "dir_info": {}}`)
	install("tool-2.0", `{"url": "https://h/o/tool.git", "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "0"}, "subdirectory": "py"}`)
	install("wheel_x-3.0", `{"url": "https://h/wheel_x.whl", "archive_info": {}}`)
	install("indexed-1.0", "")
	install("odd-1.0", `{`)
	lacks := func(text string) bool {
		t.Helper()
		r, err := requirement.Parse(text)
		require.NoError(t, err)
		list, err := health.Lacks(e.Dir, []requirement.Requirement{r})
		require.NoError(t, err)
		return len(list) > 0
	}
	for text, want := range map[string]bool{
		"file:///src/my%20lib":                                 false,
		"mylib @ file:///src/my%20lib":                         false,
		"other @ file:///src/my%20lib":                         true,
		"mylib[fast] @ file:///src/my%20lib":                   true,
		"file:///src/other":                                    true,
		"tool @ git+https://me:pw@h/o/tool@v1#subdirectory=py": false,
		"tool @ git+https://h/o/tool.git@v2#subdirectory=py":   true,
		"tool @ git+https://h/o/tool.git@v1":                   true,
		"wheel-x @ https://tok@h/wheel_x.whl#sha256=00":        false,
		"indexed @ https://h/indexed.whl":                      true,
		"odd @ https://h/odd.whl":                              true,
	} {
		require.Equal(t, want, lacks(text), text)
	}

	// The seal of an env that was made for it says so, until the package changes.
	made, err := requirement.Parse("file:///made")
	require.NoError(t, err)
	seal := health.Seal{
		Schema: 1, BuildID: "0", Key: e.Dir.Name, With: []string{"file:///made", "x @ https://***@h/x.whl"},
		Sources: []source.Source{{Path: made.Path(), Name: "indexed"}}, Installed: map[string]string{"indexed": "1.0", "x": "1.0"},
	}
	data, err := json.Marshal(seal)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(e.Dir.Ready(), data, 0o600))
	require.False(t, lacks("file:///made"))
	require.True(t, lacks("x @ https://new:pw@h/x.whl"), "it is not installed any more")
	install("x-1.0", "")
	require.False(t, lacks("x @ https://new:pw@h/x.whl"))
	require.NoError(t, os.Rename(filepath.Join(e.packages, "x-1.0.dist-info"), filepath.Join(e.packages, "x-1.1.dist-info")))
	require.True(t, lacks("x @ https://new:pw@h/x.whl"), "it is another version")
}
