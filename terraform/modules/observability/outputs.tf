output "prometheus" {
  description = "Endpoint that collectors write to and Grafana reads from."
  value       = aws_prometheus_workspace.this.prometheus_endpoint
}
