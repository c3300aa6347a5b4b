import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_files import facts_of
from icsys import Options
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.mapped_file import LabelRules
from icsys.labels.tables import map_table

HALF = View.of((64, 48), 1, Options(step=2))
CROPPED = View.of((40, 20), 1, Options(size=(10, 10), fit="cover"))
SIDEWAYS = View.of((64, 48), 6, Options(step=2))
PICTURES = {
    **dict.fromkeys(["a.jpg", "a", "images/a.jpg"], facts_of(HALF, "images/a.jpg")),
    **dict.fromkeys(["b,1.jpg"], facts_of(HALF, "images/b,1.jpg")),
    **dict.fromkeys(["lost.jpg", "lost"], facts_of(HALF, "images/lost.jpg", is_written=False)),
    "wide.jpg": facts_of(CROPPED, "wide.jpg"),
    "turned.jpg": facts_of(SIDEWAYS, "turned.jpg"),
    "unseen.jpg": facts_of(None, "unseen.jpg"),
}


def mapped(data, rules=None, column=None):
    """Map a table; return the text of the new one, and the counts."""
    write = io.BytesIO()
    data = data if isinstance(data, bytes) else data.encode()
    counts = map_table(io.BytesIO(data), write, PICTURES.get, rules or LabelRules(), column=column, beside="")
    return write.getvalue().decode("utf-8", "surrogateescape"), counts


names = st.sampled_from(["a.jpg", "a", "b,1.jpg", "images/a.jpg", "lost.jpg", "unknown.jpg"])
cells = st.text("xyz,;\"' \n", max_size=5)


@given(
    st.lists(st.tuples(cells, names, cells), min_size=1, max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_a_table_is_what_the_csv_module_makes_of_it(rows, delimiter, quoting, end, bom):
    """Of a table of one style, all is equal but names; quotes are those that the style has."""

    def written(rows):
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
        return bom + text.getvalue()

    header = [("note", "file_name", "label")]
    found, counts = mapped(written(header + rows))
    expected = [(one, name.replace(".jpg", ".png"), two) for one, name, two in rows if "lost" not in name]
    expected = [(one, name.replace("unknown.png", "unknown.jpg"), two) for one, name, two in expected]
    assert found == written(header + expected)
    assert (counts.labels, counts.dropped) == (len(expected), len(rows) - len(expected))
    assert counts.missing == sum(name == "unknown.jpg" for _, name, _ in rows)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("Image_ID,label\na,1\n", "Image_ID,label\na,1\n"),
        ("id,photo\n7,a.jpg\n8,x.jpg\n", "id,photo\n7,a.png\n8,x.jpg\n"),
        ("a.jpg,0\nlost.jpg,1\na.jpg,2", "a.png,0\na.png,2"),
        ("image\na.jpg\n\nlost.jpg\n", "image\na.png\n\n"),
        ("path,label\n images/a.jpg ,cat\n", "path,label\n images/a.png ,cat\n"),
        ("file_name,mask_file_name\na.jpg,images/a.jpg\na.jpg,lost.jpg\n",
         "file_name,mask_file_name\na.png,images/a.png\n"),
        ("label\tfilename\n1\ta.jpg\n", "label\tfilename\n1\ta.png\n"),
        ("image,label\na.jpg\n", "image,label\na.png\n"),
    ],
)  # fmt: skip
def test_the_column_of_names_is_found(table, expected):
    assert mapped(table)[0] == expected


def test_a_column_is_given():
    table = "image,thumbnail\na.jpg,lost.jpg\n"
    assert mapped(table)[0] == "image,thumbnail\na.png,lost.jpg\n"
    assert mapped(table, column="Thumbnail")[0] == "image,thumbnail\n"
    with pytest.raises(ImageError, match="no column 'photo': expected one of image, thumbnail"):
        mapped(table, column="photo")


@pytest.mark.parametrize("table", ["", "x,name\n", "x,label\n1,2\n", "only\nwords\nhere\n"])
def test_a_table_without_names_is_kept_and_told(table):
    found, counts = mapped(table)
    assert found == table
    assert not table or "none names pictures" in counts.warning


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("image,xmin,ymin,xmax,ymax\na.jpg,4,6,20,41\n", "image,xmin,ymin,xmax,ymax\na.png,2,3,10,20.5\n"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,x,4.0,6,20,40\n",
         "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,32,24,x,2.0,3,10,20\n"),
        ("ImageID,XMin,XMax,YMin,YMax\nwide.jpg,0.5,0.625,0,1\n",
         "ImageID,XMin,XMax,YMin,YMax\nwide.jpg,0.5,0.75,0,1\n"),
        ('image_id,width,height,bbox\na,64,48,"[4.0, 6.0, 16.0, 10.0]"\n',
         'image_id,width,height,bbox\na,32,24,"[2.0, 3.0, 8.0, 5.0]"\n'),
        ("image,x,y,w,h,img_w,img_h\na.jpg,4,6,10,20,64,48\n", "image,x,y,w,h,img_w,img_h\na.png,2,3,5,10,32,24\n"),
        ("Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId;Path\n64;48;4;6;60;40;7;a.jpg\n",
         "Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId;Path\n32;24;2;3;30;20;7;a.png\n"),
        ("image,xmin,ymin,xmax,ymax\na.jpg,,,,\n", "image,xmin,ymin,xmax,ymax\na.png,,,,\n"),
        ("image,width,height,xmin,ymin,xmax,ymax\nturned.jpg,64,48,0,0,20,4\n",
         "image,width,height,xmin,ymin,xmax,ymax\nturned.png,24,32,22,0,24,10\n"),
        ("image,xmin,ymin,xmax,ymax\nunseen.jpg,4,6,20,41\n", "image,xmin,ymin,xmax,ymax\nunseen.png,4,6,20,41\n"),
    ],
)  # fmt: skip
def test_boxes_are_mapped_whose_columns_leave_no_doubt(table, expected):
    found, counts = mapped(table)
    assert found.replace("wide.png", "wide.jpg") == expected
    assert counts.labels == 1
    assert counts.warning is None


def test_a_table_whose_first_rows_are_of_other_pictures_is_mapped():
    table = "label,XMin,XMax,YMin,YMax,image\n" + "x,0.25,1,0,1,unknown.jpg\n" * 999
    found, counts = mapped(table + "x,0.25,0.5,0,1,wide.jpg\nx,0.25,0.5,0,1,lost.jpg")
    assert found == table + "x,0.0,0.5,0,1,wide.png\n"
    assert (counts.labels, counts.dropped, counts.missing) == (1000, 1, 999)


@pytest.mark.parametrize(
    "table",
    [
        "image,x,y,width,height\na.jpg,4,6,10,20\n",
        'image,bbox\na.jpg,"[4, 6, 10, 20]"\n',
        "image,xmin,ymin,xmax,ymax\na.jpg,400,600,1000,2000\n",
        "image,lefteye_x,lefteye_y\na.jpg,4,6\n",
        "ImageId,EncodedPixels\na.jpg,1 20 30 40\n",
    ],
)
def test_columns_that_may_be_places_are_kept_and_told(table):
    found, counts = mapped(table)
    assert found == table.replace("a.jpg", "a.png")
    assert "not mapped" in counts.warning


def test_rows_are_left_out_whose_box_is_cropped_away_or_cannot_be_read():
    table = "image,xmin,ymin,xmax,ymax\nwide.jpg,0,0,9,20\nwide.jpg,0,0,20,20\nwide.jpg,x,0,9,20\nwide.jpg,9,0,2,20\n"
    found, counts = mapped(table)
    assert found == "image,xmin,ymin,xmax,ymax\nwide.png,0,0,5,10\n"
    assert (counts.labels, counts.dropped) == (1, 3)
    assert "x, 0, 9, 20" in counts.warning
    assert mapped(table, LabelRules(min_visibility=0.6))[1].labels == 0


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_size_that_contradicts_is_an_error_that_names_the_picture(form):
    row = '{"file_name": "a.jpg", "width": 60, "height": 48}\n'
    table = "image,width,height,xmin,ymin,xmax,ymax\na.jpg,60,48,1,2,3,4\n" if form == "csv" else row
    with pytest.raises(ImageError, match=r"images/a\.jpg: the labels state a picture of 60x48") as error:
        mapped(table)
    assert error.value.code == "label_size"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('{"file_name": "a.jpg", "text": "größer", "score": 1.50}',
         '{"file_name": "a.png", "text": "größer", "score": 1.5}'),
        ('{"file_name":"images/a.jpg","label":3}', '{"file_name":"images/a.png","label":3}'),
        ('{"file_names": ["a.jpg", "b,1.jpg"], "x_file_name": "a.jpg"}',
         '{"file_names": ["a.png", "b,1.png"], "x_file_name": "a.png"}'),
        ('{"Image ID": "a", "path": "unknown.jpg"}', '{"Image ID": "a", "path": "unknown.jpg"}'),
        ('{"path": "images/a.jpg", "image": "unknown.jpg"}', '{"path": "images/a.png", "image": "unknown.jpg"}'),
        ('{"image": "a.jpg", "conversations": []}', '{"image": "a.png", "conversations": []}'),
        (('{"file_name": "a.jpg", "width": 64, "height": 48, "objects": {"bbox": [[4, 6, 10, 20]],'
          ' "area": [200], "n": [7]}}'),
         ('{"file_name": "a.png", "width": 32, "height": 24, "objects": {"bbox": [[2.0, 3.0, 5.0, 10.0]], "area":'
          ' [50.0], "n": [7]}}')),
        ('{"file_name": "wide.jpg", "objects": {"bbox": [[0, 0, 9, 20], [0, 0, 20, 20]], "classes": [7, 8], "n": 2}}',
         '{"file_name": "wide.png", "objects": {"bbox": [[0.0, 0.0, 5.0, 10.0]], "classes": [8], "n": 2}}'),
        ('{"file_name": "wide.jpg", "objects": [{"bbox": [0, 0, 9, 20]}, {"bbox": [0, 0, 20, 20], "category": 8}]}',
         '{"file_name": "wide.png", "objects": [{"bbox": [0.0, 0.0, 5.0, 10.0], "category": 8}]}'),
        ('{"file_name": "a.jpg", "objects": {"bbox": [], "categories": []}}',
         '{"file_name": "a.png", "objects": {"bbox": [], "categories": []}}'),
        ('{"file_name": "unknown.jpg", "x": 1.50}', '{"file_name": "unknown.jpg", "x": 1.50}'),
        ('{"file_name": "unseen.jpg", "width": 5}', '{"file_name": "unseen.png", "width": 5}'),
    ],
)  # fmt: skip
def test_rows_of_json_lines(row, expected):
    found, _ = mapped(f"{row}\r\n\r\n{row}")
    assert found == f"{expected}\r\n\r\n{expected}"


def test_a_key_of_json_lines_is_given():
    row = '{"photo": "a.jpg", "image": "lost.jpg"}\n'
    assert mapped(row, column="photo")[0] == row.replace("a.jpg", "a.png")
    assert mapped(row)[0] == ""
    found, counts = mapped('{"photo": "a.jpg"}\n')
    assert found == '{"photo": "a.jpg"}\n'
    assert counts.missing == 1
    assert "photo" in counts.warning


def test_json_lines_are_counted():
    two = '"objects": {"bbox": [[0, 0, 9, 20], [0, 0, 20, 20]]}'
    rows = [
        f'{{"file_name": "wide.jpg", {two}}}',
        f'{{"file_name": "lost.jpg", {two}}}',
        '{"file_name": "a.jpg", "bbox": [1, 2, 3, 4]}',
        '{"file_name": "x.jpg"}',
        '{"file_name": "a.jpg", "objects": {"bbox": [[1, 2]]}}',
    ]
    found, counts = mapped("\n".join(rows))
    assert [json.loads(line)["file_name"] for line in found.splitlines()] == ["wide.png", "a.png", "x.jpg", "a.png"]
    assert (counts.labels, counts.dropped, counts.missing) == (3, 4, 1)
    for word in ("lost.jpg", "'bbox'", "x.jpg", "line 5"):
        assert word in counts.warning


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"file_name": "a.jpg"}\n{"file_name"', "line 2"),
        (b'{"file_name": "a.jpg"}\n[1]', "line 2"),
        (b'{"file_name": "\xff"}', "line 1"),
        (b"{" + b'"a":[' * 5000, "line 1"),
        (b"{" + b" " * 2**22, "line 1"),
        (b'image\n"a.jpg', "line 2"),
        ("image\na.jpg\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_the_line(data, place):
    with pytest.raises(ImageError, match=place) as error:
        mapped(data)
    assert error.value.code == "label_broken"


@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_an_error(data):
    for start in (b"", b"image,xmin,ymin,xmax,ymax\na.jpg,", b'{"file_name": "a.jpg", "objects": '):
        try:
            mapped(start + data)
        except ImageError as error:
            assert error.code == "label_broken"  # noqa: PT017 - most are errors, not all
