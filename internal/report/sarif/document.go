// Package sarif writes findings in the Static Analysis Results Interchange Format, version 2.1.0.
package sarif

// Document is a SARIF log. Its types have the properties of the standard that podseal writes, under their names there.
type Document struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []Run  `json:"runs"`
}

// Run is one run of one tool.
type Run struct {
	Tool    Tool     `json:"tool"`
	Results []Result `json:"results"`
	// AutomationDetails keep the results of different commands apart, where a forge replaces those of a former run.
	AutomationDetails *AutomationDetails `json:"automationDetails,omitempty"`
	ColumnKind        string             `json:"columnKind"`
}

// AutomationDetails identify a run.
type AutomationDetails struct {
	ID string `json:"id"`
}

// Tool is the program that made the results.
type Tool struct {
	Driver Driver `json:"driver"`
}

// Driver is the part of a tool that holds its rules.
type Driver struct {
	Name           string `json:"name"`
	Version        string `json:"version,omitempty"`
	InformationURI string `json:"informationUri"`
	Rules          []Rule `json:"rules"`
}

// Rule is a kind of result.
type Rule struct {
	ID               string         `json:"id"`
	ShortDescription Message        `json:"shortDescription"`
	FullDescription  Message        `json:"fullDescription"`
	Help             Help           `json:"help"`
	HelpURI          string         `json:"helpUri"`
	Default          Configuration  `json:"defaultConfiguration"`
	Properties       RuleProperties `json:"properties"`
}

// Configuration is how a rule is reported unless a result says something else.
type Configuration struct {
	Level string `json:"level"`
}

// RuleProperties are read by GitHub's code scanning.
type RuleProperties struct {
	Tags []string `json:"tags"`
}

// Help is what to do about a result.
type Help struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown"`
}

// Message is a text.
type Message struct {
	Text string `json:"text"`
}

// Result is one finding.
type Result struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             Message           `json:"message"`
	Locations           []Location        `json:"locations,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

// Location is where a result is.
type Location struct {
	Physical *Physical `json:"physicalLocation,omitempty"`
	Logical  []Logical `json:"logicalLocations,omitempty"`
}

// Physical is a place in a file.
type Physical struct {
	Artifact Artifact `json:"artifactLocation"`
	Region   Region   `json:"region"`
}

// Artifact is a file. A relative URI is one below the root of the repository.
type Artifact struct {
	URI string `json:"uri"`
}

// Region is a part of a file. Lines and columns count from 1.
type Region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// Logical is a place that is no file: a target.
type Logical struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}
