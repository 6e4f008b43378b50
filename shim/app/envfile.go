package app

import (
	"bufio"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/shim/config"
)

// programEnv returns the caller's variables with [env], --env-file and --isolated
// applied. The program gets these and the variables that activate its environment.
func programEnv(c config.Config, caller execx.Environ) (execx.Environ, error) {
	caller = health.WithoutLibraries(caller, caller.Get("MODELRUN_ACTIVE_ENV"))
	var set []execx.Var
	vars := c.Vars()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		set = append(set, execx.Var{Key: name, Value: vars[name].Text})
	}
	if file := c.String("env_file"); file != "" {
		fromFile, err := readEnvFile(file)
		if err != nil {
			return nil, err
		}
		set = append(set, fromFile...)
	}
	var drop []string
	if c.Bool("isolated") {
		drop = append(drop, "PYTHONPATH")
	}
	if set == nil && drop == nil {
		return caller, nil
	}
	return caller.Edit(set, drop...), nil
}

// readEnvFile reads a file with a KEY=VALUE pair on each line. A line that begins
// with # is a comment. readEnvFile removes "export " before a key and one pair of
// quotes around a value. It expands nothing.
func readEnvFile(path string) ([]execx.Var, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "env file %s cannot be read: %w", path, err).Fix("name a file that exists: --env-file FILE")
	}
	defer f.Close()
	var vars []execx.Var
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || strings.ContainsAny(key, " \t\x00") {
			return nil, fault.New(fault.BadConfig, "%s:%d: not KEY=VALUE", path, n).Fix("correct that line")
		}
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		vars = append(vars, execx.Var{Key: key, Value: value})
	}
	if err := lines.Err(); err != nil {
		return nil, fault.New(fault.BadConfig, "env file %s cannot be read: %w", path, err).Fix("correct that file")
	}
	return vars, nil
}
