package shim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaskedAndVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"see https://host/s?token=S3CRET\n": "see https://host/s?token=***\n", // no @ in the line
		"https://me:pw@host\n":              "https://***@host\n",
		"\x1b]0;owned\x07\x1b[2J":           `\x1b]0;owned\a\x1b[2J`,
		"a\rb\u009bc\u202ed":                `a\rb\u009bc\u202ed`,
		"⚠ über\tein Modell\n":              "⚠ über\tein Modell\n",
	} {
		var out strings.Builder
		n, err := mask{&out}.Write([]byte(in))
		require.NoError(t, err)
		require.Equal(t, len(in), n)
		require.Equal(t, want, out.String())
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HF_TOKEN", "OPENAI_API_KEY", "DB_PASS", "PGPASSWORD", "GH_AUTH", "AWS_SECRET_ACCESS_KEY", "cloud_credentials"} {
		require.Equal(t, "***", secret(name, "S3CRET"), name)
	}
	require.Equal(t, "8", secret("OMP_NUM_THREADS", "8"))
}
