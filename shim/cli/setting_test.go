package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/command"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/terminal"
)

// TestASettingIsOneRow checks that a new setting needs only one row in the table.
func TestASettingIsOneRow(t *testing.T) {
	t.Setenv("COLUMNS", "")
	g := grammar()
	g.Settings = append(g.Settings, config.Setting{
		Name: "new.colour", Allowed: []string{"green", "blue"}, Default: "green", Variable: "MODELRUN_COLOUR",
		Flag: "colour", Placeholder: "COLOUR", Group: config.GroupOutput, Help: "The colour of it all.",
	})

	var help bytes.Buffer
	_, err := cli.Parse([]string{"--help"}, g, &help, &help)
	require.ErrorIs(t, err, cli.ErrHelp)
	require.Contains(t, help.String(), "--colour=COLOUR        The colour of it all.")

	node, err := cli.Model(g)
	require.NoError(t, err)
	man := manPage(node, g.Settings)
	require.Contains(t, man, `\fB\-\-colour\fP=\fICOLOUR\fP`)
	require.Contains(t, man, "\\fBMODELRUN_COLOUR\\fP\nnew.colour, green when nothing says more")

	complete := func(words ...string) string {
		var out strings.Builder
		require.NoError(t, cli.Complete(append([]string{"fish"}, words...), g, nil, &out))
		return out.String()
	}
	require.Equal(t, "words\n--colour\tThe colour of it all.\n", complete("--col"))
	require.Equal(t, "words\nblue\t\n", complete("--colour", "b"))

	require.Equal(t, "green default", settingShown(t, g, "", "", nil))
	require.Equal(t, "blue FILE", settingShown(t, g, "[new]\ncolour = \"blue\"\n", "", nil))
	require.Equal(t, "green variable MODELRUN_COLOUR", settingShown(t, g, "[new]\ncolour = \"blue\"\n", "green", nil))
	require.Equal(t, "blue flag --colour", settingShown(t, g, "", "green", []string{"--colour", "blue"}))

	schema, err := json.Marshal(g.Settings.Schema())
	require.NoError(t, err)
	require.Contains(t, string(schema), `"new":{"additionalProperties":false,"properties":{"colour":{"default":"green","description":"The colour of it all.","enum":["green","blue"],"type":"string"}}`)
}

// settingShown returns the value and the origin of the new setting in
// `modelrun config --json`, run in a folder with that project file.
func settingShown(t *testing.T, g cli.Grammar, file, variable string, args []string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	path := filepath.Join(dir, config.ProjectFile)
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	out, err := os.Create(filepath.Join(dir, "out"))
	require.NoError(t, err)
	env := execx.NewEnviron([]string{"HOME=" + dir, "LOCALAPPDATA=" + dir, "APPDATA=" + dir, "MODELRUN_COLOUR=" + variable})

	all := command.All()
	for i := range all { // Parse must fill the options of the command that runs
		g.Subs[i] = all[i].Sub
	}
	line, err := cli.Parse(append(args, "config", "--json"), g, out, os.Stderr)
	require.NoError(t, err)
	c := all[slices.IndexFunc(all, func(c app.Command) bool { return c.Name == "config" })]
	ui := terminal.NewUI(terminal.Streams{Stdout: out, Stderr: os.Stderr, Env: env})
	a, err := app.Open(cli.Invocation{Stdout: out}, line, env, g.Settings, c, ui)
	require.NoError(t, err)
	require.NoError(t, c.Run(t.Context(), a))
	require.NoError(t, out.Close())

	data, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	var doc struct {
		Settings []struct{ Name, Value, Origin string }
	}
	require.NoError(t, json.Unmarshal(data, &doc))
	for _, s := range doc.Settings {
		if s.Name == "new.colour" {
			return s.Value + " " + strings.Replace(s.Origin, path, "FILE", 1)
		}
	}
	return ""
}
