package header

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadCard(t *testing.T) {
	t.Parallel()
	full := Card{Library: "peft", Pipeline: "text-generation", Bases: []string{"google/flan-t5-base"}, Tags: []string{"lora", "a b"}}
	for text, want := range map[string]Card{
		"": {},
		"# A model without front matter\n---\nlibrary_name: peft\n---\n":                                                                  {},
		"---\nlibrary_name: peft\n":                                                                                                       {}, // never ends
		"---\n---\nlibrary_name: peft\n":                                                                                                  {},
		"---\nlibrary_name: peft\n---\n":                                                                                                  {Library: "peft"},
		"\xEF\xBB\xBF---\r\nlibrary_name: peft\r\n---\r\n":                                                                                {Library: "peft"},
		"\n \n---  \nlibrary_name: peft\n---":                                                                                             {Library: "peft"},
		"\xFF\xFE-\x00-\x00-\x00\n\x00":                                                                                                   {},
		"---\nlibrary_name: 'it''s' # it is\npipeline_tag: \"a\\u00e9\" # \"b\"\n---\n":                                                   {Library: "it's", Pipeline: "aé"},
		"---\nlibrary_name: peft # not lora\n#pipeline_tag: x\n---\n":                                                                     {Library: "peft"},
		"---\nlibrary_name: null\npipeline_tag: ~\nbase_model:\n---\n":                                                                    {},
		"---\nlibrary_name: \"peft\npipeline_tag: 'x\nbase_model: \"\\z\"\ntags: '\n---\n":                                                {},
		"---\nlibrary_name:peft\n pipeline_tag: x\nx:\n  tags: y\n---\n":                                                                  {},
		"---\nlibrary_name: {a: b}\npipeline_tag: &x y\ntags: *x\n---\n":                                                                  {},
		"---\nbase_model: >-\n  google/flan-t5-base\ntags:\n- >-\n  lora\n- |\n---\n":                                                     {Bases: full.Bases, Tags: []string{"lora"}},
		"---\nbase_model: [a/b, 'c/d', \"e\", [f]]\ntags: [a,\n  b,\n] # c\n---\n":                                                        {Bases: []string{"a/b", "c/d", "e"}, Tags: []string{"a", "b"}},
		"---\nbase_model: [a/b\ntags: []\n---\n":                                                                                          {},
		"---\nlicense: mit\ntags:\n- lora\n\n- name: x\n- x:\n-\n- ''\n- \"a b\" # c\n---\n":                                              {Tags: full.Tags},
		"---\nmodel-index:\n- name: x\n  results:\n  - tags: y\ntags:\n  - lora\n  - a b\n---":                                            {Tags: full.Tags},
		"---\nbase_model: google/flan-t5-base\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- lora\n- a b\n---\nText\n---\n": full,
		"---\ntags: " + strings.Repeat("x", maxValue+1) + "\nlibrary_name: \"\xff\"\n---\n":                                               {},
		"---\nlibrary_name: peft\n" + strings.Repeat("#", maxCard) + "\n---\n":                                                            {},
	} {
		got, err := ReadCard(write(t, text))
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
}

func TestAListInACardIsBounded(t *testing.T) {
	t.Parallel()
	c, err := ReadCard(write(t, "---\ntags:\n"+strings.Repeat("- x\n", 1000)+"---\n"))
	require.NoError(t, err)
	require.Len(t, c.Tags, maxValues)
	r := endless("---\n")
	c, err = readCard(r)
	require.NoError(t, err)
	require.Empty(t, c)
	require.LessOrEqual(t, r.n, maxCard)
}

func FuzzCard(f *testing.F) {
	for _, text := range []string{
		"---\nlicense: other\nlicense_link: >-\n  https://example.com\nlibrary_name: cosmos\nbase_model:\n- Qwen/Qwen3-VL-8B-Instruct\n---\n",
		"---\nlibrary_name: mlx\npipeline_tag: text-generation\nbase_model: Qwen/Qwen3.8-27B\ntags:\n  - mlx\n---\n# Text\n",
		"\xEF\xBB\xBF---\r\ntags: [a, \"b\", 'c'] # d\r\n---\r\n", "---\nx: '''\n]\n---", "---\nx: \"\\\n- >\n---",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readCard(strings.NewReader(text))
		require.NoError(t, err)
		require.LessOrEqual(t, len(c.Bases), maxValues)
		require.LessOrEqual(t, len(c.Tags), maxValues)
		for _, value := range append(append(c.Bases, c.Tags...), c.Library, c.Pipeline) {
			require.LessOrEqual(t, len(value), maxValue)
		}
	})
}
