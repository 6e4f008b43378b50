package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadPath(t *testing.T) {
	t.Parallel()
	for p, why := range map[string]string{
		`C:\models\llama 7b`:                "",
		`c:/models/Ünïcode`:                 "",
		`\\server\share\llama`:              "",
		`//server/share`:                    "",
		`relative\.hidden\..\x`:             "",
		`\on this drive`:                    "",
		`.`:                                 "",
		`C:\`:                               "",
		`D:\console\nulls\com10`:            "",
		`org/name-7B`:                       "",
		`C:`:                                "current folder of drive C:",
		`C:foo`:                             "current folder of drive C:",
		`e:f`:                               "current folder of drive E:",
		`NUL`:                               "device",
		`C:\logs\nul`:                       "device",
		`C:\logs\NUL.txt`:                   "device",
		`com1`:                              "device",
		`LPT9.log`:                          "device",
		`COM¹`:                              "device",
		`aux .tar.gz`:                       "device",
		`sub\con\x`:                         "device",
		`C:\a.\b`:                           "dot or a space",
		`C:\a \b`:                           "dot or a space",
		`trailing.`:                         "dot or a space",
		`...`:                               "dot or a space",
		`C:\x\file.txt:stream`:              "colon",
		`name:stream`:                       "colon",
		`ab:\x`:                             "colon",
		`C:\what?`:                          "no name holds '?'",
		`C:\a|b`:                            "no name holds '|'",
		"C:\\a\nb":                          `no name holds '\n'`,
		"C:\\a\x00b":                        `no name holds '\x00'`,
		`"C:\quoted"`:                       `no name holds '"'`,
		`\\?\C:\x`:                          `begins with \\?\`,
		`//?/C:/x`:                          "begins with",
		`\\.\C:\x`:                          "begins with",
		`\\server`:                          "no share",
		`\\server\`:                         "no share",
		`\\`:                                "no share",
		`C:\` + strings.Repeat("x", 256):    "255",
		`C:\` + strings.Repeat("ü", 255):    "",
		`C:\` + strings.Repeat(`x\`, 1<<14): "32767",
	} {
		got := badPath(p)
		if why == "" {
			require.Empty(t, got, p)
		} else {
			require.Contains(t, got, why, p)
		}
	}
}
