package target

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/requirement"
)

func TestLineOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model     need.Model
		installed string
		want      int
		why       string
	}{
		"no model":                            {},
		"a type that both know":               {model: need.Model{Type: "llama", Saved: "4.43.1"}},
		"no version":                          {model: need.Model{Type: "distilbert"}},
		"a type that none knows":              {model: need.Model{Type: "qwen99", Saved: "4.57.1"}},
		"its own code for 4":                  {model: need.Model{Type: "mimo", Code: true, Saved: "4.40.1"}, want: 4, why: "the model's own code is for transformers 4.40.1"},
		"native in 5, its own code for 4":     {model: need.Model{Type: "kimi_k25", Code: true, Saved: "4.56.2"}, want: 4},
		"its own code for 5":                  {model: need.Model{Type: "mine", Code: true, Saved: "5.0.1"}, want: 5},
		"its own code without a version":      {model: need.Model{Type: "bitnet", Code: true}},
		"its own code, native in 5":           {model: need.Model{Type: "kimi_k25", Code: true}, want: 5},
		"saved by 5":                          {model: need.Model{Type: "llama", Saved: "5.24.0"}, want: 5, why: "transformers 5.24.0 saved the model's config"},
		"saved by a development version of 5": {model: need.Model{Type: "qwen3_5", Saved: "5.8.0.dev0"}, want: 5},
		"a type of 5 that says 4.57":          {model: need.Model{Type: "qwen3_5", Saved: "4.57.0.dev0"}, want: 5, why: "transformers 4 does not know the model's type qwen3_5"},
		"a type of 4":                         {model: need.Model{Type: "transfo-xl", Saved: "4.1.0"}, want: 4, why: "transformers 5 does not know the model's type transfo-xl"},
		"an old env":                          {model: need.Model{Type: "llama", Saved: "5.24.0"}, installed: "4.46.3", want: 4, why: "the old environment of the model has transformers 4.46.3"},
		"an old env of 5":                     {model: need.Model{Type: "llama"}, installed: "5.1.0", want: 5},
		"an old env that cannot load it":      {model: need.Model{Type: "qwen3_5"}, installed: "4.46.3", want: 5},
		"an old env and its own code":         {model: need.Model{Type: "kimi_k25", Code: true, Saved: "4.56.2"}, installed: "4.56.2", want: 4},
	} {
		line, why := lineOf(c.model, c.installed)
		require.Equal(t, c.want, line, name)
		require.Equal(t, line == 0, why == "", name)
		if c.why != "" {
			require.Equal(t, c.why, why, name)
		}
	}
}

func TestLineFor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]int{ // for a model that loads in both, in 4, in 5
		"":                             {0, 4, 5},
		"transformers>=4.40":           {0, 4, 5},
		"transformers>=5":              {5, 5, 5},
		"transformers<5":               {4, 4, 4},
		"transformers==4.46.3":         {4, 4, 4},
		"transformers==4.46.*":         {4, 4, 4},
		"transformers~=4.50":           {4, 4, 4},
		"transformers==4.57.6":         {4, 4, 4},
		"transformers==5.30":           {5, 5, 5},
		"transformers>5.24.0":          {5, 5, 5},
		"transformers<5.10":            {4, 4, 5},
		"transformers>=4.58":           {5, 4, 5},
		"transformers!=5.24.0":         {4, 4, 5},
		"transformers>=6":              {5, 5, 5},
		"transformers==3.5":            {4, 4, 4},
		"transformers<3":               {4, 4, 4},
		"transformers<4,>5":            {0, 4, 5},
		"transformers[torch]>=5":       {5, 5, 5},
		"transformers===5.24.0+mine":   {5, 5, 5},
		"transformers==4.50,!=4.50.1":  {4, 4, 4},
		"transformers>=4.50,<4.51":     {4, 4, 4},
		"transformers>=5.0rc1,<5.0rc3": {5, 5, 5},
	} {
		var all []requirement.Requirement
		if text != "" {
			r, err := requirement.Parse(text)
			require.NoError(t, err)
			all = append(all, r)
		}
		for i, model := range []int{0, 4, 5} {
			require.Equal(t, want[i], lineFor(all, model), "%s, model %d", text, model)
		}
	}
}
