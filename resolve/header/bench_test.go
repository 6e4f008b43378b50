package header

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkHeads measures what a model's files cost: a shard of a language model (100
// tensors), a whole stable-diffusion file (2,500), a GGUF file
// and a card.
func BenchmarkHeads(b *testing.B) {
	shard, all := write(b, tensorsOf(100)), write(b, tensorsOf(2500))
	g := newGGUF(binary.LittleEndian, 3, 40).field("general.architecture", "llama").field("general.name", "Tiny Llama")
	for i := range 30 {
		g.text(fmt.Sprintf("llama.attention.value_%d", i)).u32(4).u32(1)
	}
	gguf := write(b, string(g.list("tokenizer.ggml.tokens", ggufString, 1<<17).data)+strings.Repeat("x", 1<<20))
	card := write(b, "---\nlibrary_name: peft\nbase_model: a/b\ntags:\n"+strings.Repeat("- text-generation\n", 20)+"---\n"+strings.Repeat("Text\n", 4000))
	for name, read := range map[string]func() error{
		"sniff":            func() error { _, err := Sniff(shard); return err },
		"shard":            func() error { _, err := ReadSafetensors(shard); return err },
		"stable-diffusion": func() error { _, err := ReadSafetensors(all); return err },
		"gguf":             func() error { _, err := GGUFArchitecture(gguf); return err },
		"card":             func() error { _, err := CardLibrary(card); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, read())
			}
		})
	}
}

// tensorsOf returns a safetensors file with n tensors.
func tensorsOf(n int) string {
	var header strings.Builder
	header.WriteString(`{"__metadata__":{"format":"pt"}`)
	for i := range n {
		fmt.Fprintf(&header, `,"model.diffusion_model.output_blocks.%d.1.transformer_blocks.0.attn1.to_k.weight":%s`, i, tensor)
	}
	return safetensorsOf(header.String() + "}")
}
