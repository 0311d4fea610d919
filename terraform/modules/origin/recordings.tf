# The bucket of recordings: private, versioned, encrypted, TLS only.
resource "aws_s3_bucket" "recordings" {
  #checkov:skip=CKV_AWS_144:classes stay in the country of the origin; another region is the school's choice
  #checkov:skip=CKV_AWS_18:who fetched what is in the origin's and the cdn's logs; nobody else reads the bucket
  #checkov:skip=CKV2_AWS_62:nothing waits for an object to appear
  #checkov:skip=CKV_AWS_145:keys of S3 serve; a key of one's own adds a way to lose all recordings
  region        = var.regions[local.place.region].aws_region
  bucket_prefix = "${var.name}-recordings-"
}

resource "aws_s3_bucket_public_access_block" "recordings" {
  region                  = aws_s3_bucket.recordings.region
  bucket                  = aws_s3_bucket.recordings.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "recordings" {
  region = aws_s3_bucket.recordings.region
  bucket = aws_s3_bucket.recordings.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "recordings" {
  region = aws_s3_bucket.recordings.region
  bucket = aws_s3_bucket.recordings.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "recordings" {
  region = aws_s3_bucket.recordings.region
  bucket = aws_s3_bucket.recordings.id
  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.recordings.arn, "${aws_s3_bucket.recordings.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "recordings" {
  region = aws_s3_bucket.recordings.region
  bucket = aws_s3_bucket.recordings.id
  policy = data.aws_iam_policy_document.tls_only.json
}

# The origin reads and writes; it cannot delete.
data "aws_iam_policy_document" "recordings" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.recordings.arn}/objects/*"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.recordings.arn]
  }
}
