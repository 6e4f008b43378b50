package launcher

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/fault"
)

// hostileSpec returns a launcher in which every word has characters that are
// special in a shell.
func hostileSpec() Spec {
	return Spec{
		Name: "Ünï (x86) & co", Program: `C:\Ünï (x86) & co %TMP%\modelrun.exe`, Dir: `D:\mod^els\日本!\`, Icon: `C:\icons\a b.ico`,
		Options: []string{"--root", `D:\a&b\`}, Command: []string{"python", "load.py", `say "a & b"`, "100%", "%TMP%", "x^y|z<w>", "", `back\`, "!v!", "é ☃"},
	}
}

func data(t *testing.T, kind Kind, s Spec) string {
	t.Helper()
	s.Kind = kind
	files, err := renderAny(s)
	require.NoError(t, err)
	return string(files[len(files)-1].Data)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	require.Equal(t, strings.ReplaceAll(`@echo off
rem Made by modelrun launcher, which checks and repairs it.
setlocal EnableExtensions DisableDelayedExpansion
"C:\a & b\modelrun.exe" -C "D:\my model" -- python load.py "x & y" ^"a\^"b^" a^&b 100%% %*
exit /b %ERRORLEVEL%
`, "\n", "\r\n"), data(t, Batch, Spec{
		Name: "chat", Program: `C:\a & b\modelrun.exe`, Dir: `D:\my model`, Command: []string{"python", "load.py", "x & y", `a"b`, "a&b", "100%"},
	}))
	text := data(t, Batch, hostileSpec())
	require.Contains(t, text, "chcp.com 65001 >nul\r\nset \"_codepage=\" & %SystemRoot%\\System32\\chcp.com %_codepage% >nul & \"C:\\Ünï (x86) & co %%TMP%%\\modelrun.exe\" -C")
}

// batchWords parses the line of a batch file as cmd.exe does: percent signs,
// then carets outside quotes. It fails at a character that would end the
// command.
func batchWords(t *testing.T, line string) []string {
	t.Helper()
	line = strings.ReplaceAll(line, "%%", "\x01")
	require.NotContains(t, line, "%", "a variable is expanded")
	line = strings.ReplaceAll(line, "\x01", "%")
	var out strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
			out.WriteByte(c)
		case c == '^' && !quoted:
			i++
			out.WriteByte(line[i])
		case !quoted && strings.IndexByte("&|<>()", c) >= 0:
			require.Fail(t, "an operator", "%c in %s", c, line)
		default:
			out.WriteByte(c)
		}
	}
	require.False(t, quoted, "what the user types would be in quotes: %s", line)
	args, _ := execx.SplitLine(out.String())
	return args
}

func FuzzBatch(f *testing.F) {
	f.Add(`a"b & c`, `%TMP%`, `back\`)
	f.Add(`(x) ^"`, `\\"`, "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		s := Spec{Name: "x", Kind: Batch, Program: `C:\m (x) & y\modelrun.exe`, Dir: `C:\d`, Command: []string{a, b, c}}
		files, err := renderAny(s)
		if err != nil {
			require.Equal(t, fault.BadUsage, fault.CodeOf(err))
			return
		}
		for line := range strings.SplitSeq(string(files[0].Data), "\r\n") {
			if command, ok := strings.CutSuffix(line, " %*"); ok {
				_, command, back := strings.Cut(command, "_codepage% >nul & ")
				if !back {
					command = strings.TrimSuffix(line, " %*")
				}
				require.Equal(t, append([]string{s.Program, "-C", s.Dir, "--"}, s.Command...), batchWords(t, command), command)
			}
		}
	})
}

func FuzzVerbatim(f *testing.F) {
	f.Add("100%", "%TMP%", `a "%x%" b\`)
	f.Add(`%%`, `\%"`, " ")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if strings.ContainsAny(a+b+c, "\x00") {
			t.Skip("no line holds a zero")
		}
		line := verbatim([]string{a, b, c})
		args, _ := execx.SplitLine("m " + line)
		require.Equal(t, []string{a, b, c}, args[1:], line)
		if i := strings.Index(line, "%"); strings.Count(line, "%") > 1 { // no variable has a quote or a space in its name
			for _, name := range strings.Split(line[i+1:strings.LastIndex(line, "%")], "%") {
				require.True(t, name == "" || strings.ContainsAny(name, `" `), line)
			}
		}
	})
}

func TestNSSM(t *testing.T) {
	t.Parallel()
	s := Spec{
		Name: "my chat", Program: `C:\a b\modelrun.exe`, Dir: `C:\srv\chat`, Account: `NT AUTHORITY\LocalService`,
		Options: []string{"--root", `C:\srv (1)`}, Command: []string{"python", "serve.py", `say "hi" & go`, "%TMP%"},
	}
	text := data(t, NSSM, s)
	var parameters []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if command, ok := strings.CutSuffix(line, " || exit /b"); ok && strings.HasPrefix(command, "nssm set") {
			args := batchWords(t, command)
			require.Equal(t, []string{"nssm", "set", "my chat"}, args[:3])
			if args[3] == "AppParameters" {
				require.Len(t, args, 5, "NSSM joins what is more than one word, without its quotes")
				parameters, _ = execx.SplitLine("m " + args[4])
			}
		}
	}
	require.Equal(t, append([]string{"m"}, modelrunArgs(s, "")...), parameters)
	require.Contains(t, text, `nssm set "my chat" ObjectName "NT AUTHORITY\LocalService" || exit /b`)
	require.NotContains(t, text, "chcp")
	s.Account = `DOMAIN\me`
	require.Contains(t, data(t, NSSM, s), `ObjectName DOMAIN\me %1 || exit /b`)
	s.Dir = `C:\Modèle`
	require.Contains(t, data(t, NSSM, s), "65001 >nul\r\n(\r\nset \"_codepage=\" & ")
}

// TestNSSMNext checks that the pasted command defines the service and starts it.
// The password is a placeholder.
func TestNSSMNext(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "windows" {
		t.Skip("a kind of Windows")
	}
	for account, want := range map[string]string{
		"": "chat.nssm.cmd && nssm start chat", "LocalSystem": "chat.nssm.cmd && nssm start chat", `NT SERVICE\chat`: "chat.nssm.cmd && nssm start chat",
		`.\me`: "chat.nssm.cmd PASSWORD && nssm start chat",
	} {
		rec := Record{Spec{Name: "chat", Kind: NSSM, Account: account}, []Written{{Path: "chat.nssm.cmd"}}}
		require.Equal(t, want, rec.Next(func(string) string { return "" }))
	}
}

func TestExe(t *testing.T) {
	t.Parallel()
	s := hostileSpec()
	s.Kind = Exe
	s.Command = append(s.Command, "two\nlines", `it's "\`)
	files, err := renderAny(s)
	require.NoError(t, err)
	require.Equal(t, []string{s.Name + ".exe", s.Name + ".toml"}, []string{files[0].Name, files[1].Name})
	require.Equal(t, s.Program, files[0].Copy)
	var got struct {
		Cwd              string
		Options, Command []string
	}
	require.NoError(t, toml.Unmarshal(files[1].Data, &got), "%s", files[1].Data)
	require.Equal(t, s.Dir, got.Cwd)
	require.Equal(t, s.Options, got.Options)
	require.Equal(t, s.Command, got.Command)
	s.Program = "/usr/bin/modelrun"
	files, err = renderAny(s)
	require.NoError(t, err)
	require.Equal(t, s.Name, files[0].Name)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kinds []Kind
		spoil func(*Spec)
		want  string
	}{
		"a line break":         {[]Kind{Batch, Shortcut, NSSM}, func(s *Spec) { s.Command[1] = "a\nb" }, "line break"},
		"no text":              {[]Kind{Batch, Shortcut, NSSM, Exe}, func(s *Spec) { s.Command[1] = "\xff" }, "no text"},
		"a zero":               {[]Kind{Exe}, func(s *Spec) { s.Command[1] = "\x00" }, "no text"},
		"too long for cmd":     {[]Kind{Batch, NSSM}, func(s *Spec) { s.Command[1] = strings.Repeat("x", 8200) }, "cmd.exe reads 8191"},
		"too long for a link":  {[]Kind{Shortcut}, func(s *Spec) { s.Command[1] = strings.Repeat("☃", 4095) }, "a shortcut holds 4095"},
		"a folder too deep":    {[]Kind{Shortcut}, func(s *Spec) { s.Dir = `C:\` + strings.Repeat("x", 257) }, "more than the 259 characters"},
		"a share":              {[]Kind{Shortcut}, func(s *Spec) { s.Program = `\\server\share\modelrun.exe` }, "not on a drive"},
		"a variable in a path": {[]Kind{NSSM}, func(s *Spec) { s.Dir = `C:\%TMP%` }, "NSSM takes"},
	} {
		for _, kind := range tt.kinds {
			t.Run(name+" in "+string(kind), func(t *testing.T) {
				t.Parallel()
				s := Spec{Name: "x", Kind: kind, Program: `C:\m\modelrun.exe`, Dir: `C:\d`, Command: []string{"python", "x"}}
				tt.spoil(&s)
				_, err := renderAny(s)
				require.ErrorContains(t, err, tt.want)
				require.NotEmpty(t, fault.RemedyOf(err))
			})
		}
	}
}

func TestShortcut(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"a folder": `D:\mod^els\日本!\`, "a folder that the shell would expand": `D:\%TMP%\x`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hostileSpec()
			s.Dir = dir
			link, err := readShortcut([]byte(data(t, Shortcut, s)))
			require.NoError(t, err)
			require.Equal(t, s.Program, link.Target)
			require.Equal(t, s.Icon, link.Icon)
			args, _ := execx.SplitLine("m " + link.Arguments)
			if link.Dir == "" {
				require.Equal(t, modelrunArgs(s, s.Dir), args[1:])
			} else {
				require.Equal(t, s.Dir, link.Dir)
				require.Equal(t, modelrunArgs(s, ""), args[1:])
			}
			require.NotRegexp(t, regexp.MustCompile(`%[^" ]+%`), link.Arguments)
		})
	}
}

// TestShortcutHasEveryPath checks that every path to the target in the file is
// complete, because a shell may use any of them.
func TestShortcutHasEveryPath(t *testing.T) {
	t.Parallel()
	path := `C:\Ünï (x86)\日本\modelrun.exe`
	require.Equal(t, path, idListPath(idList(path)[2:]))
	path = asciiName(path)
	require.Equal(t, path, idListPath(idList(path)[2:]))
	require.Equal(t, path, linkInfoPath(linkInfo(path), true))
	require.Contains(t, string(shortcut{Target: path}.write("")), string(linkInfo(path)))
	edited := le.AppendUint32(nil, 0x24) // as Windows writes it: with both parts and the file's name separate
	for _, n := range []int{0x24, 1, 0, 0, 0, 0, 0x24, 0x2e} {
		edited = le.AppendUint32(edited, uint32(n))
	}
	edited = append(append(edited, encodeUTF16(`C:\é`)...), 0, 0)
	edited = append(append(edited, encodeUTF16(`\日本`)...), 0, 0)
	require.Equal(t, `C:\é\日本`, linkInfoPath(edited, false))
}

// TestShortcutThirdPartyParser checks that a third-party parser reads the same
// values.
func TestShortcutThirdPartyParser(t *testing.T) {
	t.Parallel()
	parser, err := execxtest.Package("LnkParse3==1.6.0")
	if err != nil {
		execxtest.Missing(t, "%v", err)
	}
	const script = `import sys
sys.path.insert(0, sys.argv[2])
from LnkParse3.lnk_file import LnkFile
LnkFile(open(sys.argv[1], "rb")).print_json(True)
`
	s := hostileSpec()
	s.Program = `C:\a b & c\modelrun.exe` // it does not read the names of the folders
	file := filepath.Join(t.TempDir(), "x.lnk")
	require.NoError(t, os.WriteFile(file, []byte(data(t, Shortcut, s)), 0o600))
	out, err := exec.CommandContext(t.Context(), "python3", "-c", script, file, parser).CombinedOutput()
	require.NoError(t, err, "%s", out)
	var got struct {
		Info struct {
			Path string `json:"local_base_path"`
		} `json:"link_info"`
		Data struct {
			Dir       string `json:"working_directory"`
			Arguments string `json:"command_line_arguments"`
			Icon      string `json:"icon_location"`
		}
	}
	require.NoError(t, json.Unmarshal(out, &got), "%s", out)
	require.Equal(t, s.Program, got.Info.Path)
	require.Equal(t, s.Dir, got.Data.Dir)
	require.Equal(t, s.Icon, got.Data.Icon)
	require.Equal(t, verbatim(modelrunArgs(s, "")), got.Data.Arguments)
}

func FuzzReadShortcut(f *testing.F) {
	link := shortcut{Target: `C:\a é\modelrun.exe`, Arguments: "-- python", Dir: `C:\d`, Icon: "i"}
	f.Add(link.write("x"))
	f.Add(shortcut{Target: `C:\m`}.write(""))
	f.Add([]byte("L\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := readShortcut(data); err != nil {
			require.ErrorIs(t, err, errNotShortcut)
		}
	})
}
