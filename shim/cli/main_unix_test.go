//go:build !windows

package cli_test

import (
	"testing"

	"github.com/modelrun/modelrun/execx/execxtest"
)

func TestMain(m *testing.M) { execxtest.Main(m) }
