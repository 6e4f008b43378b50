package command

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/terminal"
)

// ConfigOptions are the options of `modelrun config`.
type ConfigOptions struct {
	JSON   bool `name:"json" help:"Print JSON."`
	Schema bool `help:"Print the JSON schema of modelrun.toml, for an editor."`
}

// configCommand declares `modelrun config`.
func configCommand() app.Command {
	var o ConfigOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "config",
			Help: "Show each setting and where it came from.",
			Examples: `Values whose name says that they are secret are shown as ***.

  modelrun config -C project
  modelrun config --schema >modelrun.schema.json`,
			Options: &o,
		},
		Needs: app.Nothing, // the schema is printed even if the settings are wrong
		Run:   func(ctx context.Context, a *app.App) error { return Config(ctx, a, o) },
	}
}

// configDoc is the document of `config --json`.
type configDoc struct {
	Schema   int          `json:"schema"`
	Settings []settingDoc `json:"settings"`
}

// settingDoc is one setting of a [configDoc].
type settingDoc struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Config shows the value of each setting and its source, or prints the schema of a
// config file.
func Config(_ context.Context, a *app.App, o ConfigOptions) error {
	if o.Schema {
		return a.UI.JSON(a.Table.Schema())
	}
	a, err := a.LoadSettings()
	if err != nil {
		return err
	}
	doc := configDoc{Schema: terminal.Schema, Settings: settingsOf(a.Config)}
	if o.JSON {
		return a.UI.JSON(doc)
	}
	return configTable(a, doc)
}

// settingsOf lists the settings in the order of their table. Then it lists the
// variables of [env] and the envs of [envs], sorted by name.
func settingsOf(c config.Config) (all []settingDoc) {
	for _, row := range c.Rows() {
		one := settingDoc{row.Name, strings.TrimSpace(row.Text), row.From}
		if row.Name == "root" && !c.IsSet("root") {
			one.Value, one.Origin = string(c.Root()), c.RootFrom()
		}
		all = append(all, one)
	}
	var more []settingDoc
	for name, v := range c.Vars() {
		more = append(more, settingDoc{"env." + name, hideSecret(name, v.Text), v.From})
	}
	for key, own := range c.Envs() {
		more = append(more, settingDoc{"envs." + key, describeOwn(own), own.From})
	}
	slices.SortFunc(more, func(a, b settingDoc) int { return cmp.Compare(a.Name, b.Name) })
	return append(all, more...)
}

// describeOwn returns the packages of a definition and where others come from, or the
// reason why no env can be made from it.
func describeOwn(own config.OwnEnv) string {
	if own.Err != nil {
		return "error: " + own.Err.Error()
	}
	words := slices.Clone(own.Packages)
	for _, o := range [][2]string{{"base", own.Base}, {"requirements", own.Requirements}, {"build_requires", strings.Join(own.BuildRequires, ",")}} {
		if o[1] != "" {
			words = append(words, o[0]+"="+o[1])
		}
	}
	return strings.Join(words, " ")
}

// configTable prints the settings for people, one per line.
func configTable(a *app.App, doc configDoc) error {
	var t terminal.Table
	t.Row("SETTING", "VALUE", "ORIGIN")
	for _, d := range doc.Settings {
		t.Row(d.Name, strings.ReplaceAll(cmp.Or(fault.Mask(d.Value), "-"), "\n", " "), d.Origin)
	}
	return t.Write(a.UI.Plain())
}

// hideSecret hides the value of a variable if the variable's name suggests a
// secret.
func hideSecret(name, value string) string {
	up := strings.ToUpper(name)
	for _, word := range []string{"TOKEN", "SECRET", "PASS", "KEY", "CRED", "AUTH"} {
		if strings.Contains(up, word) {
			return "***"
		}
	}
	return value
}
