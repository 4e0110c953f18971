// Asks a chat endpoint through OpenAI's SDK for Go, and says what came of it.
//
//	client < asks.json > outcomes.json
//
// Asks and outcomes are those of tests/sdk/drive.py. `.ci/parts` builds it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

type ask struct {
	URL     string  `json:"url"`
	Model   string  `json:"model"`
	Stream  bool    `json:"stream"`
	Timeout float64 `json:"timeout"`
}

type outcome struct {
	Text    string     `json:"text"`
	Finish  *string    `json:"finish"`
	Tools   [][]string `json:"tools"`
	Error   *string    `json:"error"`
	Status  *int       `json:"status"`
	Message string     `json:"message"`
}

func (o *outcome) finish(reason string) {
	if reason != "" {
		o.Finish = &reason
	}
}

func (o *outcome) tool(index int, name, arguments string) {
	for len(o.Tools) <= index {
		o.Tools = append(o.Tools, []string{"", ""})
	}
	o.Tools[index][0] += name
	o.Tools[index][1] += arguments
}

func (o *outcome) fail(err error) {
	name := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	var refused *openai.Error
	if errors.As(err, &refused) {
		name = "openai.Error"
		o.Status = &refused.StatusCode
	}
	o.Error, o.Message = &name, err.Error()
}

func call(one ask) (o outcome) {
	o.Tools = [][]string{}
	client := openai.NewClient(
		option.WithBaseURL(one.URL),
		option.WithAPIKey("none"),
		option.WithMaxRetries(0),
		option.WithRequestTimeout(time.Duration(one.Timeout*float64(time.Second))),
	)
	say := openai.ChatCompletionNewParams{
		Model:    one.Model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello!")},
	}
	if !one.Stream {
		answer, err := client.Chat.Completions.New(context.Background(), say)
		if err != nil {
			o.fail(err)
			return o
		}
		for _, choice := range answer.Choices {
			o.Text += choice.Message.Content
			o.finish(choice.FinishReason)
			for index, call := range choice.Message.ToolCalls {
				o.tool(index, call.Function.Name, call.Function.Arguments)
			}
		}
		return o
	}
	stream := client.Chat.Completions.NewStreaming(context.Background(), say)
	defer stream.Close()
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			o.Text += choice.Delta.Content
			o.finish(choice.FinishReason)
			for _, call := range choice.Delta.ToolCalls {
				o.tool(int(call.Index), call.Function.Name, call.Function.Arguments)
			}
		}
	}
	if err := stream.Err(); err != nil {
		o.fail(err)
	}
	return o
}

func main() {
	var asks []ask
	if err := json.NewDecoder(os.Stdin).Decode(&asks); err != nil {
		panic(err)
	}
	outcomes := []outcome{}
	for _, one := range asks {
		outcomes = append(outcomes, call(one))
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		panic(err)
	}
}
