package launchers

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
)

// TestLauncherKeepsEveryOption checks that a launcher loses no option. Without one
// it would start something else.
func TestLauncherKeepsEveryOption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := config.OfFlags(config.Input{Table: config.Settings(), Dir: config.Dir{Path: dir}})
	require.NoError(t, err)
	args := []string{"--quiet", "--verbose"}
	for _, s := range c.Table().Flags() {
		switch s.Kind {
		case config.Bool:
			args = append(args, "--"+s.Flag)
		case config.List:
			args = append(args, "--"+s.Flag+"=one >=1", "--"+s.Flag+"=two")
		case config.Text, config.Path, config.Duration:
			args = append(args, "--"+s.Flag+"="+dir)
		}
	}
	line, err := cli.ParseOptions(args, c.Table())
	require.NoError(t, err)

	added := launcherOptions(c, line, nil)
	require.ElementsMatch(t, args, added)
	require.Less(t, slices.Index(added, "--wait="+dir), slices.Index(added, "--no-create"))
	require.Equal(t, added, launcherOptions(c, cli.Line{}, &line), "repair keeps them")
}

// TestLauncherRepairOptions checks that the command line wins, and that a launcher
// without -C gets none, because its start folder has the same effect.
func TestLauncherRepairOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := config.OfFlags(config.Input{Table: config.Settings(), Dir: config.Dir{Path: dir}})
	require.NoError(t, err)
	before, err := cli.ParseOptions([]string{"--family=onnx", "--with=one", "--no-create"}, c.Table())
	require.NoError(t, err)
	line, err := cli.ParseOptions([]string{"-C", dir, "--family=vllm", "-m", "org/name", "-q"}, c.Table())
	require.NoError(t, err)
	require.Equal(t, []string{"--model=org/name", "--family=vllm", "--with=one", "--no-create", "--quiet"}, launcherOptions(c, line, &before))
}
