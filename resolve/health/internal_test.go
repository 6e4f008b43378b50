package health

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCfg(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("homes are POSIX paths")
	}
	for name, tt := range map[string]struct {
		text string
		want venvCfg
		err  string
	}{
		"venv":       {text: "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\ncommand = /usr/bin/python3 -m venv /x\n", want: venvCfg{home: "/usr/bin", minor: "3.11", full: "3.11.7"}},
		"virtualenv": {text: "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.1.final.0\n", want: venvCfg{home: "/usr/bin", minor: "3.12", full: "3.12.1"}},
		"uv":         {text: "home = /opt/python/bin\nimplementation = CPython\nuv = 0.13.9\nversion_info = 3.13\nrelocatable = true\n", want: venvCfg{home: "/opt/python/bin", minor: "3.13", relocatable: true}},
		"by hand":    {text: "\ufeffHOME=/opt/my python \r\n\r\nVersion\t=\t3.9.18\r\ninclude-System-Site-packages = TRUE", want: venvCfg{home: "/opt/my python", minor: "3.9", full: "3.9.18", system: true}},
		"two homes":  {text: "home = /a\nhome = /b\n", want: venvCfg{home: "/a"}},
		"nonsense":   {text: "home = /a\nversion = ../../..\nversion_info = 3.x\n", want: venvCfg{home: "/a"}},
		"empty":      {err: "it has no home"},
		"relative":   {text: "home = bin\n", err: "its home is not absolute: bin"},
		"NUL":        {text: "home = /a\x00b\n", err: "its home holds a NUL"},
		"huge":       {text: strings.Repeat("x", maxCfg+1), err: "it is longer than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCfg([]byte(tt.text))
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func FuzzParseCfg(f *testing.F) {
	f.Add([]byte("home = /usr/bin\nversion = 3.11.7\n"))
	f.Add([]byte("\ufeffhome=/a\r\nversion_info=3.12.1.final.0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := parseCfg(data)
		if err != nil {
			return
		}
		if !filepath.IsAbs(cfg.home) || strings.ContainsAny(cfg.minor, `/\`) || cfg.minor != "" && minorOf(cfg.minor) != cfg.minor {
			t.Fatalf("%+v", cfg)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte("a/b.py,sha256=x,12\n\"a,b.py\",,\n../../../bin/x,sha256=y,3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := parseRecord(data)
		if err != nil {
			return
		}
		for _, r := range rows {
			if r.path == "" || r.size < -1 {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("banner\nN done []\nN step \"x\"\nFatal Python error: Aborted\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a := parseAnswer(data, "other-nonce"); a.done && !bytes.Contains(data, []byte("other-nonce")) {
			t.Fatal("a library answered for us")
		}
		parseAnswer(data, "N")
	})
}

func FuzzTorchVersion(f *testing.F) {
	f.Add([]byte("__version__ = '2.5.1+cu121'\ncuda: Optional[str] = '12.1'\nhip = None\n"))
	f.Fuzz(func(_ *testing.T, data []byte) { parseTorchVersion(data) })
}

func TestTorchVersion(t *testing.T) {
	t.Parallel()
	require.Equal(t, torchVersion{version: "2.5.1+cu121", cuda: "12.1"},
		parseTorchVersion([]byte("from typing import Optional\r\n\r\n__all__ = ['__version__', 'cuda']\r\n__version__ = '2.5.1+cu121'\r\ndebug = False\r\ncuda: Optional[str] = '12.1'\r\nhip: Optional[str] = None\r\n")))
	require.Equal(t, torchVersion{version: "2.4.0+rocm6.1", hip: "6.1.40091"},
		parseTorchVersion([]byte("__version__ = \"2.4.0+rocm6.1\"\ncuda = None\nhip = \"6.1.40091\"\n")))
}

func TestProgram(t *testing.T) {
	t.Parallel()
	head := func(edit func(b []byte)) []byte {
		b := make([]byte, 128)
		edit(b)
		return b
	}
	for name, tt := range map[string]struct {
		head         []byte
		goos, goarch string
		want         string
	}{
		"arm on x86": {
			head: head(func(b []byte) { copy(b, "\x7fELF\x02\x01"); binary.LittleEndian.PutUint16(b[18:], 183) }),
			goos: "linux", goarch: "amd64", want: "python is for aarch64, this machine is x86_64",
		},
		"x86 on arm": {
			head: head(func(b []byte) { copy(b, "\x7fELF\x02\x01"); binary.LittleEndian.PutUint16(b[18:], 62) }),
			goos: "linux", goarch: "arm64", want: "python is for x86_64, this machine is aarch64",
		},
		"big endian": {
			head: head(func(b []byte) { copy(b, "\x7fELF\x02\x02"); binary.BigEndian.PutUint16(b[18:], 22) }),
			goos: "linux", goarch: "s390x",
		},
		"Intel Python on an Arm Mac": {
			head: head(func(b []byte) {
				copy(b, "\xcf\xfa\xed\xfe")
				binary.LittleEndian.PutUint32(b[4:], 0x01000007)
			}),
			goos: "darwin", goarch: "arm64", want: "python is for x86_64, this machine is aarch64",
		},
		"universal": {
			head: head(func(b []byte) {
				copy(b, "\xca\xfe\xba\xbe\x00\x00\x00\x02\x01\x00\x00\x07")
				binary.BigEndian.PutUint32(b[28:], 0x0100000c)
			}),
			goos: "darwin", goarch: "arm64",
		},
		"Windows' under Linux": {
			head: head(func(b []byte) {
				copy(b, "MZ")
				b[60] = 80
				copy(b[80:], "PE\x00\x00\x64\x86")
			}),
			goos: "linux", goarch: "amd64", want: "python is a Windows program, this machine runs Linux",
		},
		"x86 on Windows on Arm is translated": {
			head: head(func(b []byte) {
				copy(b, "MZ")
				b[60] = 80
				copy(b[80:], "PE\x00\x00\x64\x86")
			}),
			goos: "windows", goarch: "arm64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, archs := program(bytes.NewReader(tt.head))
			require.NotEmpty(t, kind)
			require.Equal(t, tt.want, runsHere(kind, archs, tt.goos, tt.goarch))
		})
	}
	for _, head := range []string{"", "MZ", strings.Repeat("\x00", 64), "MZ" + strings.Repeat("\xff", 70)} {
		kind, _ := program(strings.NewReader(head))
		require.Empty(t, kind)
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte("\xca\xfe\xba\xbe\xff\xff\xff\xff" + strings.Repeat("x", 64)))
	f.Fuzz(func(_ *testing.T, data []byte) { program(bytes.NewReader(data)) })
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		archs, cc string
		want      bool
	}{
		"the same":                       {"sm_80 sm_86", "8.6", true},
		"a later minor":                  {"sm_80", "8.9", true},
		"an earlier minor":               {"sm_86", "8.0", false},
		"Blackwell without its code":     {"sm_50 sm_80 sm_90", "12.0", false},
		"PTX":                            {"sm_50 compute_90", "12.0", true},
		"PTX of a later one":             {"compute_90", "8.6", false},
		"only exactly its own":           {"sm_90a", "9.0", true},
		"a letter does not reach others": {"sm_100a", "10.3", false},
		"Pascal with a later build":      {"sm_75 sm_80 sm_120", "6.1", false},
		"12.1 on 12.0":                   {"sm_120", "12.1", true},
		"something new":                  {"sm_next", "12.0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, covers(strings.Fields(tt.archs), device{CC: tt.cc}))
		})
	}
	amd := device{CC: "11.0", GCN: "gfx1100"}
	require.True(t, covers([]string{"gfx90a", "gfx1100"}, amd))
	require.False(t, covers([]string{"gfx90a"}, amd))
	require.Equal(t, "5.0 9.0a 12.0 gfx942 +PTX", formatArchs([]string{"sm_50", "sm_90a", "sm_120", "gfx942", "compute_120"}))
}

// TestCachedVerdictExpires checks that an Unknown verdict counts for a minute, and
// that a clock that jumps never extends that.
func TestCachedVerdictExpires(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		state   State
		checked time.Time
		want    bool
	}{
		"just now":             {Unknown, now, true},
		"59 s ago":             {Unknown, now.Add(-59 * time.Second), true},
		"60 s ago":             {Unknown, now.Add(-60 * time.Second), false},
		"in the future":        {Unknown, now.Add(time.Hour), false},
		"healthy for years":    {Healthy, now.AddDate(-2, 0, 0), true},
		"broken in the future": {Broken, now.Add(time.Hour), true},
		"a future state":       {State(7), now, true}, // written as unknown
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ok := cachedVerdict{State: tt.state.String(), Code: CodeBusy, Checked: tt.checked}.verdict(now)
			require.Equal(t, tt.want, ok)
		})
	}
	gpu := cachedVerdict{State: "broken", Code: CodeNoCUDA, Checked: now.Add(-time.Hour)}
	_, ok := gpu.verdict(now)
	require.False(t, ok, "a GPU may be there now")
	_, ok = cachedVerdict{State: "healthy-ish", Code: CodeHealthy, Checked: now.Add(-time.Second)}.verdict(now)
	require.False(t, ok, "not known is not healthy")
}

func FuzzCacheFile(f *testing.F) {
	f.Add([]byte(`{"schema":1,"verdicts":[{"fingerprint":"a","state":"healthy","code":"healthy"}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var k cacheFile
		if json.Unmarshal(data, &k) == nil {
			for _, v := range k.Verdicts {
				v.verdict(time.Now())
			}
		}
	})
}
