resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_68:replays are read-only; a web application firewall is the school's choice
  #checkov:skip=CKV2_AWS_47:as above
  #checkov:skip=CKV_AWS_86:the cdn nodes keep the logs
  #checkov:skip=CKV_AWS_310:the name behind it already leads to a healthy region
  #checkov:skip=CKV_AWS_374:pupils abroad are pupils
  #checkov:skip=CKV_AWS_305:there is no page at the root
  #checkov:skip=CKV2_AWS_32:headers are the nodes' own
  for_each        = { for choice in compact([var.cloudfront == null ? "" : var.cloudfront.host_name]) : choice => var.cloudfront }
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  aliases         = [each.key]
  comment         = "Replays of ${var.name}"

  origin {
    origin_id   = "cdn"
    domain_name = each.value.origin_name
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  default_cache_behavior {
    target_origin_id       = "cdn"
    viewer_protocol_policy = "https-only"
    allowed_methods        = ["GET", "HEAD", "OPTIONS"]
    cached_methods         = ["GET", "HEAD"]
    # Managed policies: CachingOptimized heeds Cache-Control; CORS-CustomOrigin passes Origin on.
    cache_policy_id          = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    origin_request_policy_id = "59781a5b-3903-41f3-afcb-af62929ccde1"
  }
  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
  viewer_certificate {
    acm_certificate_arn      = each.value.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}
