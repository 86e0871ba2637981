package main

import (
	"log"
	"net/http"
	"os"

	"example.com/go-app/internal/greeting"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(greeting.From("go"))) })
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
