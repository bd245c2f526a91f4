module deliverygraph

go 1.26.0
