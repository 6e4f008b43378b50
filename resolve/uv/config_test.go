package uv

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestEnviron(t *testing.T) {
	t.Parallel()
	kept := []string{
		"PATH=/bin", "HOME=/h", "HTTPS_PROXY=http://p", "NO_PROXY=x", "SSL_CERT_FILE=/c", "UV_EXTRA_INDEX_URL=https://example.org/", "UV_INDEX=https://example.org/x",
		"UV_INDEX_MINE_USERNAME=u", "UV_INDEX_MINE_PASSWORD=p", "UV_HTTP_TIMEOUT=9", "UV_PYTHON_INSTALL_MIRROR=file:///m", "UV_INSECURE_HOST=h", "UV_EXCLUDE_NEWER=2026-01-01", "UV_EXCLUDE_NEWER_PACKAGE=a=false",
	}
	dropped := []string{
		"UV_INDEX_URL=a", "UV_INDEX_STRATEGY=unsafe-best-match", "UV_DEFAULT_INDEX=a", "UV_FIND_LINKS=a", "UV_CACHE_DIR=/c", "UV_PROJECT_ENVIRONMENT=/e", "UV_TORCH_BACKEND=auto",
		"UV_SYSTEM_PYTHON=1", "UV_OFFLINE=1", "UV_NO_CACHE=1", "UV_CONSTRAINT=c", "UV_CONFIG_FILE=u.toml", "UV_PREVIEW=1", "UV_PREVIEW_FEATURES=variants", "PIP_INDEX_URL=a", "PIP_TARGET=/t", "PIP_USER=1", "PYTHONPATH=/p", "PYTHONHOME=/p", "PYTHONSTARTUP=/s",
		"VIRTUAL_ENV=/v", "CONDA_PREFIX=/c", "__PYVENV_LAUNCHER__=/x", "MODELRUN_ACTIVE_KEY=k",
	}
	got := environ(Config{Root: "/root", Env: execx.NewEnviron(append(append([]string{}, kept...), dropped...))})
	for _, entry := range kept {
		require.Contains(t, got, entry)
	}
	for _, entry := range dropped {
		require.NotContains(t, got, entry)
	}
	require.Equal(t, "1", got.Get("UV_SYSTEM_CERTS"))
	require.NotEmpty(t, got.Get("UV_PYTHON_INSTALL_DIR"))

	own := environ(Config{Env: execx.NewEnviron([]string{"UV_NATIVE_TLS=false", "PIP_EXTRA_INDEX_URL=https://example.org/p"})})
	require.Empty(t, own.Get("UV_SYSTEM_CERTS"), "the user decided")
	require.Equal(t, "https://example.org/p", own.Get("UV_EXTRA_INDEX_URL"))
}

func TestDefaultIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg       Config
		own, want string
	}{
		"PyPI":                     {},
		"an own env's":             {Config{IndexDefault: "https://b"}, "https://a", "https://a"},
		"the config":               {Config{IndexDefault: "https://b", Env: execx.Environ{"UV_DEFAULT_INDEX=https://c"}}, "", "https://b"},
		"uv's, new spelling first": {Config{Env: execx.Environ{"UV_INDEX_URL=https://d", "UV_DEFAULT_INDEX=https://c"}}, "", "https://c"},
		"pip's":                    {Config{Env: execx.Environ{"PIP_INDEX_URL=https://e"}}, "", "https://e"},
	} {
		require.Equal(t, c.want, c.cfg.defaultIndex(c.own), name)
	}
}

func TestWithIndexes(t *testing.T) {
	t.Parallel()
	u := &UV{env: execx.Environ{"UV_INDEX=https://mine"}}
	require.Equal(t, u.env, u.withIndexes("", "").env, "nothing to say")
	require.Equal(t, execx.Environ{"UV_DEFAULT_INDEX=https://a", "UV_INDEX=https://t https://mine"}, u.withIndexes("https://a", "https://t").env)
	require.Equal(t, execx.Environ{"UV_INDEX=https://mine"}, u.env, "a copy")
}

func TestFindLinks(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	for name, c := range map[string]struct {
		cfg  Config
		want []string
	}{
		"none":                {},
		"only those that are": {Config{FindLinks: []string{there, there + "/none", "https://f"}}, []string{"--find-links", there, "--find-links", "https://f"}},
		"those of variables":  {Config{Env: execx.Environ{"PIP_FIND_LINKS=" + there + " https://g", "UV_FIND_LINKS=https://h,https://i"}}, []string{"--find-links", "https://h", "--find-links", "https://i", "--find-links", there, "--find-links", "https://g"}},
	} {
		require.Equal(t, c.want, c.cfg.findLinks(), name)
	}
}

func TestUntested(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"0.13.9": true, "0.10.0": true, "0.9.30": false, "0.14.0": false, "1.0.0": false, "0": false, "": false, "0.x.1": false} {
		require.Equal(t, want, (&UV{Version: v}).Untested() == "", v)
	}
}
