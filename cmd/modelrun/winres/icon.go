//go:build ignore

// Command icon draws icon.png, the icon of modelrun.exe: a prompt, ">_", on a
// coloured tile.
//
//	go run icon.go icon.png
package main

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
)

const (
	size    = 256 // go-winres makes the smaller sizes from it
	samples = 4   // each pixel is the mean of samples x samples points, for smooth edges
)

// The tile's colour changes from the top left to the bottom right.
var from, to = [3]float64{0x43, 0x38, 0xca}, [3]float64{0x06, 0xb6, 0xd4}

func main() {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			img.SetNRGBA(x, y, pixel(x, y))
		}
	}
	file, err := os.Create(os.Args[1])
	if err == nil {
		err = png.Encode(file, img)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		panic(err)
	}
}

func pixel(x, y int) color.NRGBA {
	var tile, sign float64
	for i := range samples * samples {
		px := float64(x) + (float64(i%samples)+0.5)/samples
		py := float64(y) + (float64(i/samples)+0.5)/samples
		// A tile with round corners consists of all points near a smaller square.
		if near(px, py, clamp(px, 60, 196), clamp(py, 60, 196), 52) {
			tile++
		}
		if stroke(px, py, 76, 80, 128, 128) || stroke(px, py, 128, 128, 76, 176) || stroke(px, py, 144, 178, 186, 178) {
			sign++
		}
	}
	white := sign / (samples * samples)
	t := float64(x+y) / (2 * size)
	mix := func(i int) uint8 {
		c := from[i] + t*(to[i]-from[i])
		return uint8(c + white*(255-c))
	}
	return color.NRGBA{mix(0), mix(1), mix(2), uint8(255 * tile / (samples * samples))}
}

// stroke reports whether a point is on a line with round ends.
func stroke(x, y, x1, y1, x2, y2 float64) bool {
	dx, dy := x2-x1, y2-y1
	t := clamp(((x-x1)*dx+(y-y1)*dy)/(dx*dx+dy*dy), 0, 1)
	return near(x, y, x1+t*dx, y1+t*dy, 14)
}

func near(x, y, x1, y1, distance float64) bool { return math.Hypot(x-x1, y-y1) <= distance }

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }
