package model

import (
	"context"

	"deliverygraph/upstream"
)

// DeliveryEvent is a row of any kind.
type DeliveryEvent interface {
	Node
	IsDeliveryEvent()
}

// Recipient is an address that emails were sent to.
type Recipient struct{ Address string }

// RecipientStats are the counts of mail to one recipient in a window. Each is loaded when selected.
type RecipientStats struct {
	Address string
	Window  upstream.Window
}

// DeliveryEventConnection is a connection of rows of any kind.
type DeliveryEventConnection struct{ Connection[DeliveryEvent] }

// DeliveryEventEdge is a row of any kind with its cursor.
type DeliveryEventEdge struct {
	Cursor string
	Node   DeliveryEvent
}

// Nodes returns the page's rows.
func (c DeliveryEventConnection) Nodes(ctx context.Context) ([]DeliveryEvent, error) {
	rows, err := c.Page.Rows(ctx)
	nodes := make([]DeliveryEvent, len(rows))
	for i, r := range rows {
		nodes[i] = *r
	}
	return nodes, err
}

// Edges returns the page's rows with their cursors.
func (c DeliveryEventConnection) Edges(ctx context.Context) ([]*DeliveryEventEdge, error) {
	rows, err := c.Page.Rows(ctx)
	edges := make([]*DeliveryEventEdge, len(rows))
	for i, r := range rows {
		edges[i] = &DeliveryEventEdge{Cursor: c.Page.Cursor(i), Node: *r}
	}
	return edges, err
}
