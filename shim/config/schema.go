package config

import "strings"

// Schema returns the JSON schema of a config file (draft 2020-12) for editors.
// `modelrun config --schema` prints it.
func (t Table) Schema() map[string]any {
	properties := map[string]any{}
	for i := range t {
		in := properties
		key := t[i].Name
		if table, rest, nested := strings.Cut(key, "."); nested {
			if properties[table] == nil {
				properties[table] = object(map[string]any{}, "")
			}
			in, _ = properties[table].(map[string]any)["properties"].(map[string]any)
			key = rest
		}
		in[key] = t[i].schema()
	}
	properties["env"] = map[string]any{
		"type": "object", "additionalProperties": map[string]any{"type": "string"},
		"description": "Variables for the program.",
	}
	own := object(map[string]any{
		"base":           text("Another key, whose packages come first."),
		"packages":       list("Requirements, such as \"name==version\"."),
		"requirements":   text("A pip requirements file, relative to this file."),
		"build_requires": list("Requirements that a build from source may import."),
		"index":          text("URL of the package index."),
		"python":         text("Version of Python, such as \"3.12\"."),
		"imports":        list("Modules that must import."),
	}, "")
	own["anyOf"] = []map[string]any{{"required": []string{"packages"}}, {"required": []string{"requirements"}}, {"required": []string{"base"}}}
	properties["envs"] = map[string]any{
		"type": "object", "additionalProperties": own,
		"description": "Environments of your own, by key.",
	}
	out := object(properties, "A config file of modelrun: modelrun.toml of a project, config.toml of the user, or [tool.modelrun] of a script.")
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["title"] = ProjectFile
	return out
}

// durationPattern matches what parseDuration accepts, except for a negative zero.
const durationPattern = `^\+?([0-9]+|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// agePattern matches what parseAge accepts.
const agePattern = `^(0|[0-9]{1,4} ?(h|hour|hours|d|day|days|w|week|weeks))$`

// schema returns the schema of one setting.
func (s Setting) schema() map[string]any {
	var out map[string]any
	switch s.Kind {
	case Bool:
		out = map[string]any{"type": "boolean", "description": s.Help}
	case List:
		out = list(s.Help)
	case Duration:
		out = text(s.Help)
		out["pattern"] = durationPattern
	case Age:
		out = text(s.Help)
		out["pattern"] = agePattern
	case Text, Path:
		out = text(s.Help)
	}
	if s.Allowed != nil {
		out["enum"] = s.Allowed
	}
	switch {
	case s.Kind == Bool:
		out["default"] = s.Default == "true"
	case s.Default != "":
		out["default"] = s.Default
	}
	if s.Personal {
		out["description"] = s.Help + " Not in a project's file."
	}
	return out
}

func object(properties map[string]any, description string) map[string]any {
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if description != "" {
		out["description"] = description
	}
	return out
}

func text(description string) map[string]any {
	return map[string]any{"type": "string", "description": description}
}

func list(description string) map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": description}
}
